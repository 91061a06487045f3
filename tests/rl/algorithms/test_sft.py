"""Which tokens SFT learns, against a loss and gradients worked out here."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import prompt_ids
from rl.pool import Sample

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture
def sample(warm):
    """Two steps, the first judged wrong; characters 0 to 5 and 6 to 11."""
    text = "7*3=2;2-4=8#8"
    ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
    return Sample(0, 0, "7*3-4?", text, ids, "stop", False, 1.0, True, steps=[(0, 5, 0.0), (6, 11, 1.0)])


def expected(model, prompt, ids, learnt):
    """Mean of -log p over the tokens that are learnt, by a plain forward pass, and its gradients."""
    logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
    logps = logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
    loss = -logps[learnt].mean()
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("masks", [False, True])
def test_masked_steps_have_no_part_in_loss_and_gradients(warm, sample, tmp_path, masks):
    ours, check = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path) for _ in range(2))
    prompt, ids = prompt_ids(warm[1], sample.prompt), sample.completion_ids
    ends = [len(warm[1].decode(ids[: place + 1], skip_special_tokens=True)) for place in range(len(ids))]
    learnt = [place for place in range(len(ids)) if not masks or ends[place] > 5]
    assert len(ids) - len(learnt) == (5 if masks else 0)  # one token a character
    loss, gradients = expected(check, prompt, ids, learnt)
    config = configuration.load(CONFIGS / "star.yaml", [f"algorithm.mask_wrong_steps={masks}"])
    trainer = sft.build(config, ours, warm[1], None, [sample], tmp_path, 0, [])
    batch = next(iter(trainer.get_train_dataloader()))
    made = trainer.compute_loss(trainer.model.eval(), batch)
    made.backward()
    assert made.item() == pytest.approx(loss, abs=1e-5)
    for name, parameter in ours.named_parameters():
        assert torch.allclose(parameter.grad, gradients[name], atol=1e-5)


def test_a_step_that_was_not_judged_is_learnt(sample):
    assert sft.wrong_steps(replace(sample, steps=[(0, 5, None), (6, 11, 0.0)])) == [(6, 11)]
