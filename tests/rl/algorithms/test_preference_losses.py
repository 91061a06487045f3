"""DPO and ORPO losses of the trainers as built here, against their equations worked out in numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.algorithms import dpo, orpo
from rl.algorithms.fit import Fit
from rl.examples.pairs import Pair
from tests.rl.samples import judged_sample

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def pair(warm):
    _, tokenizer = warm

    def sample(text, score):
        ids = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        return judged_sample(text, score, ids=ids, prompt="1+1?")

    return Pair(sample("1+1=2#2", 1.0), sample("1=3#3", 0.0))


def token_logps(model, prompt, ids):
    """Log-probability of each token after the first, in numpy."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + ids])).logits[0].double().numpy()
    logps = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return np.array([logps[place, token] for place, token in enumerate((prompt + ids)[1:])])


def loss_of(trainer):
    batch = next(iter(trainer.get_train_dataloader()))
    return float(trainer.compute_loss(trainer.model.eval(), batch).detach())


def copies(warm, count):
    return [AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(count)]


def read(name, *more):
    return configuration.load(CONFIGS / f"{name}.yaml", ["trainer.beta=0.3", *more])


@pytest.mark.parametrize("nll", [0.0, 0.5])
def test_dpo_is_the_papers_equation(warm, pair, tmp_path, nll):
    model, reference, check = copies(warm, 3)
    with torch.no_grad():
        for one in (model, check):
            one.lm_head.weight.mul_(1.1)
    prompt = prompt_ids("1+1?", warm[1])
    chosen, rejected = (token_logps(check, prompt, s.ids)[-len(s.ids) :] for s in pair)
    base_c, base_r = (token_logps(reference, prompt, s.ids)[-len(s.ids) :] for s in pair)
    margin = 0.3 * ((chosen.sum() - base_c.sum()) - (rejected.sum() - base_r.sum()))
    expected = np.log1p(np.exp(-margin)) - nll * chosen.mean()
    config = read("dpo", f"algorithm.nll={nll}")
    trainer = dpo.build(Fit(config, model, reference, warm[1], None, tmp_path, 0, []), [pair])
    assert loss_of(trainer) == pytest.approx(expected, abs=1e-4)


def test_orpo_is_the_papers_equation(warm, pair, tmp_path):
    model, check = copies(warm, 2)
    prompt = prompt_ids("1+1?", warm[1])
    whole = token_logps(check, prompt, pair.chosen.ids)
    mean_c = whole[-len(pair.chosen.ids) :].mean()
    mean_r = token_logps(check, prompt, pair.rejected.ids)[-len(pair.rejected.ids) :].mean()
    log_odds = (mean_c - np.log1p(-np.exp(mean_c))) - (mean_r - np.log1p(-np.exp(mean_r)))
    expected = -whole.mean() + 0.3 * np.log1p(np.exp(-log_odds))
    trainer = orpo.build(Fit(read("orpo"), model, None, warm[1], None, tmp_path, 0, []), [pair])
    assert loss_of(trainer) == pytest.approx(expected, abs=1e-4)


def test_of_a_mixture_of_experts_the_likelihood_has_the_share_of_tokens_and_not_the_balance(monkeypatch):
    monkeypatch.setattr(orpo.ORPOTrainer, "concatenated_forward", lambda *_: (1.0, 2.0, 3.0, 4.0, 10.0, 7.0))
    monkeypatch.setattr(orpo, "share_of_tokens", lambda tokens: tokens.item() / 4)
    trainer = object.__new__(orpo.PairsORPOTrainer)
    found = trainer.concatenated_forward(torch.nn.Identity(), {"chosen_attention_mask": torch.ones(1, 3)})
    assert found == (1.0, 2.0, 3.0, 4.0, 5.0, 7.0)
