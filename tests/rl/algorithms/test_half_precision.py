"""A copy of the policy in bfloat16 draws: it follows the weights, and the update knows its log-probabilities."""

import pytest
import torch
from peft import LoraConfig

from rewards.models.logprobs import token_logprobs
from rl.algorithms.grpo import GrpoTrainer
from rl.config.algorithms import Grpo
from rl.sampling.half import HalfPrecisionCopy, difference, drawing_by
from verifiers.runtime.verifier import Verifier

CHAIN = Verifier("chain")
PLAIN = Grpo(name="grpo")


def half(model):
    return {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}


def same(model, weights):
    return all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_the_copy_has_the_current_weights_and_leaves_the_policy_alone(policy):
    model = policy()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copied = HalfPrecisionCopy(model)
    assert same(copied.refreshed(), half(model)) and same(model, before)
    with torch.no_grad():
        next(model.parameters()).add_(1.0)
    assert not same(copied.model, half(model))
    assert same(copied.refreshed(), half(model))
    assert not any(parameter.requires_grad for parameter in copied.model.parameters())
    assert all(buffer.dtype == torch.float32 for buffer in copied.model.buffers() if buffer.is_floating_point())


def test_another_model_draws_within_the_context_alone(policy):
    one, other = policy(), policy()
    own = one.generate
    with drawing_by(one, other):
        assert one.generate == other.generate
    with drawing_by(one, one):
        assert one.generate == own
    assert one.generate == own


@pytest.fixture
def drawn(arguments, mix):
    """A trainer whose copy draws, and its first batch."""

    def make(**settings):
        given = arguments(temperature=0.7, **settings)
        trainer = GrpoTrainer(PLAIN, mix(), CHAIN, in_half_precision=True, **given)
        trainer.model.train()
        rows = [row for row in trainer.train_dataset.select(range(4)) for _ in range(4)]
        return trainer, trainer._generate_and_score_completions(rows)

    return make


@pytest.mark.parametrize("steps", [1, 2])
def test_the_update_knows_the_log_probabilities_of_the_copy(drawn, steps):
    trainer, batch = drawn(steps_per_generation=steps)
    masks = [batch[f"{part}_mask"].bool() for part in ("prompt", "completion")]
    prompts, completions = (
        [ids[mask].tolist() for ids, mask in zip(batch[f"{part}_ids"], of, strict=True)]
        for part, of in zip(("prompt", "completion"), masks, strict=True)
    )
    wanted = token_logprobs(trainer.half.model, prompts, completions, temperature=0.7)
    for line, logprobs, mask in zip(batch["old_per_token_logps"], wanted, masks[1], strict=True):
        assert line[mask].tolist() == pytest.approx(logprobs, abs=1e-5)
    assert "sampling_per_token_logps" not in batch
    # the policy itself is close by, and not the same
    exact = token_logprobs(trainer.policy, prompts, completions, temperature=0.7)
    apart = max(abs(a - b) for one, other in zip(exact, wanted, strict=True) for a, b in zip(one, other, strict=True))
    assert 0 < apart < 0.2


def test_the_ratio_of_policy_and_copy_is_in_the_gradient(drawn):
    trainer, batch = drawn()
    trainer.current_gradient_accumulation_steps = 1
    batch["advantages"] = torch.ones_like(batch["advantages"])

    def loss():
        return trainer.compute_loss(trainer.model, {**batch, "num_items_in_batch": batch["completion_mask"].sum()})

    # at the first step the ratio is π / μ, which is not 1: the loss is minus its mean over tokens
    rows = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    masks = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    width = batch["completion_ids"].shape[1]
    logprobs, _, _ = trainer._get_per_token_logps_and_entropies(trainer.model, rows, masks, width)
    ratio = (logprobs - batch["old_per_token_logps"]).exp().clamp(max=1.2)
    wanted = -(ratio * batch["completion_mask"]).sum() / batch["completion_mask"].sum()
    assert loss().item() == pytest.approx(wanted.item(), abs=1e-6) and wanted.item() != -1.0
    (logged,) = trainer._metrics["train"]["sampling/sampling_logp_difference/mean"]
    assert 0 < logged < 0.1


def test_it_trains_also_with_adapters(arguments, mix):
    lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = GrpoTrainer(PLAIN, mix(), CHAIN, in_half_precision=True, peft_config=lora, **arguments(max_steps=2))
    trainer.train()
    assert len(trainer.state.log_history) >= 2
    assert same(trainer.half.refreshed(), half(trainer.policy))
    assert "generate" not in vars(trainer.policy)


def test_the_difference_counts_tokens_of_completions_that_were_run():
    logprobs, drawn = torch.tensor([[-1.0, -2.0], [-3.0, -4.0]]), torch.tensor([[-1.5, -2.0], [-9.0, -9.0]])
    mask = torch.tensor([[1, 1], [1, 0]])
    assert difference(logprobs, drawn, mask, torch.tensor([0])) == 0.25
    assert difference(logprobs, drawn, mask, None) == pytest.approx((0.5 + 6.0) / 3)
