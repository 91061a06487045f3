"""The clipped policy loss, by hand and against the loss that TRL computes in training."""

import math

import pytest
import torch

from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.policy_loss import clipped_policy_loss
from rl.config.algorithms import Grpo
from tests.rl.algorithms.test_online import batch, gradients
from verifiers.runtime.verifier import Verifier


def test_each_token_counts_by_the_smaller_of_its_two_terms():
    ratios, advantages = [1.5, 1.5, 0.5, 0.5, 1.1], [1.0, -1.0, 1.0, -1.0, 2.0]
    logprobs = torch.tensor([[math.log(ratio) for ratio in ratios] + [9.0]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 0]])
    loss = clipped_policy_loss(
        logprobs, torch.zeros(1, 6), torch.tensor([[*advantages, 7.0]]), mask, epsilon_low=0.2, epsilon_high=0.3
    )
    # min(1.5, 1.3), min(-1.5, -1.3), min(0.5, 0.8), min(-0.5, -0.8), min(2.2, 2.2); the last token is padding
    assert loss.item() == pytest.approx(-(1.3 - 1.5 + 0.5 - 0.8 + 2.2) / 5)


def test_a_token_that_was_cut_has_no_gradient():
    logprobs = torch.tensor([[math.log(1.5), math.log(1.1)]], requires_grad=True)
    loss = clipped_policy_loss(logprobs, torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2))
    loss.backward()
    assert logprobs.grad[0].tolist() == pytest.approx([0.0, -1.1 / 2])


def test_it_is_what_trl_minimises(arguments, mix):
    plain = Grpo(name="grpo", skip_zero_signal=False, sort_by_length=False)
    trainer = GrpoTrainer(plain, mix(), Verifier("chain"), **arguments(epsilon=0.1, epsilon_high=0.25))
    inputs = batch(trainer, signal=4)
    theirs = gradients(trainer, inputs)
    value = trainer.compute_loss(trainer.model, inputs)
    trainer.model.zero_grad()
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    width = inputs["completion_ids"].shape[1]
    logits = trainer.model(input_ids=ids, attention_mask=mask).logits[:, -width - 1 : -1]
    logprobs = logits.log_softmax(-1).gather(2, inputs["completion_ids"].unsqueeze(2)).squeeze(2)
    ours = clipped_policy_loss(
        logprobs,
        inputs["old_per_token_logps"],
        inputs["advantages"],
        inputs["completion_mask"],
        epsilon_low=0.1,
        epsilon_high=0.25,
    )
    ours.backward()
    assert ours.item() == pytest.approx(value.item(), rel=1e-5)
    scale = max(gradient.abs().max() for gradient in theirs.values())
    for name, parameter in trainer.model.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name], rtol=1e-4, atol=1e-5 * float(scale))
