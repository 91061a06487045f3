"""Which tokens SFT learns, against a loss and gradients worked out here."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import Fit
from rl.errors import UserError
from tests.rl.samples import judged_sample
from verifiers import Step, judged

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def sample(warm):
    """Two steps, the first judged wrong; characters 0 to 5 and 6 to 11."""
    text = "7*3=2;2-4=8#8"
    ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
    steps = (Step(0, 5, "judged", 0.0), Step(6, 11, "judged", 1.0))
    return judged_sample(text, 1.0, ids=ids, prompt="7*3-4?", steps=steps)


def expected(model, prompt, ids, weights):
    """Weighted -log p over the number of tokens that weigh anything, by a plain forward pass, and its gradients."""
    logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
    logps = logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
    loss = -(torch.tensor(weights) * logps).sum() / sum(weight > 0 for weight in weights)
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("counted", [None, 20])
@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_wrong_steps_have_their_weight_in_loss_and_gradients(warm, sample, tmp_path, weight, counted):
    """`counted` is the number of tokens over all accumulated batches, where the trainer counts them."""
    ours, check = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
    prompt, ids = prompt_ids(sample.prompt, warm[1]), sample.ids
    ends = [len(warm[1].decode(ids[: place + 1], skip_special_tokens=True)) for place in range(len(ids))]
    weights = [weight if end <= 5 else 1.0 for end in ends]
    assert weights.count(1.0) == (len(ids) if weight == 1.0 else len(ids) - 5)  # one token a character
    loss, gradients = expected(check, prompt, ids, weights)
    share = 1.0 if counted is None else sum(weight > 0 for weight in weights) / counted
    config = configuration.load(CONFIGS / "star.yaml", [f"algorithm.wrong_step_weight={weight}"])
    trainer = sft.build(Fit(config, ours, None, warm[1], None, tmp_path, 0, []), [sample])
    batch = next(iter(trainer.get_train_dataloader()))
    made = trainer.compute_loss(trainer.model.eval(), batch, num_items_in_batch=counted)
    made.backward()
    assert made.item() == pytest.approx(share * loss, abs=1e-5)
    for name, parameter in ours.named_parameters():
        assert torch.allclose(parameter.grad, share * gradients[name], atol=1e-5)


def test_a_fit_with_weights_runs_and_counts_longer_and_shorter_completions(warm, sample, tmp_path):
    right = judged(1, steps=(Step(0, 5, "judged", 1.0),))
    short = replace(sample, text="7*3=1#1", ids=sample.ids[:7], verdict=right)
    config = configuration.load(CONFIGS / "star.yaml", ["algorithm.wrong_step_weight=0.5", "trainer.max_steps=2"])
    model = AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path)
    trainer = sft.build(Fit(config, model, None, warm[1], None, tmp_path, 0, []), [sample, short])
    trainer.train()
    assert trainer.state.global_step == 2 and math.isfinite(trainer.state.log_history[0]["loss"])


@pytest.mark.parametrize("option", ["loss_type=dft", "packing=true", "padding_free=true"])
def test_weights_are_refused_with_what_they_do_not_go_with(option):
    with pytest.raises(UserError, match=rf"trainer.{option.partition('=')[0]}: does not go with"):
        configuration.load(CONFIGS / "star.yaml", ["algorithm.wrong_step_weight=0.5", f"trainer.{option}"])


def test_a_step_that_was_not_judged_is_learnt(sample):
    steps = (Step(0, 5, "abstained", None), Step(6, 11, "judged", 0.0))
    assert sft.wrong_steps(replace(sample, verdict=judged(1, steps=steps))) == [(6, 11)]
