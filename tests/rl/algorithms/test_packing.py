"""Packing: several examples in one sequence, none of which sees another."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.sample import Sample
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import Fit
from rl.errors import UserError
from rl.tasks import chain
from tests.test_configs import CONFIGS

PROMPTS = ("1+2?", "3*4-5?", "5+6?", "7-8*9?", "2*2?", "9-1+3?")


def built(warm, prompts, folder, *overrides, attention="sdpa"):
    """The model of a fit on the worked solutions of some prompts, and its trainer."""
    tokenizer = warm[1]
    examples = []
    for prompt in prompts:
        text = chain.solve(prompt)
        ids = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        examples.append(Sample({"prompt": prompt}, text, ids, "stop"))
    model = AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path, attn_implementation=attention)
    config = configuration.load(CONFIGS / "star.yaml", ["algorithm.examples=task", *overrides])
    return model, sft.build(Fit(config, model, None, tokenizer, None, folder, 0, []), examples)


def losses_and_gradients(warm, folder, *overrides, attention="sdpa"):
    """Over one batch of all examples: the loss, its gradient, and the sequences of the batch."""
    own = ["trainer.per_device_train_batch_size=8", *overrides]
    model, trainer = built(warm, PROMPTS, folder, *own, attention=attention)
    (batch,) = trainer.get_train_dataloader()
    sequences = batch["input_ids"].numel(), batch["input_ids"].shape[0]
    model.eval()
    loss = trainer.compute_loss(model, batch)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]), sequences


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_packed_batch_has_the_loss_and_the_gradient_of_the_plain_one(attention, warm, tmp_path):
    packing = ["trainer.packing=true", "trainer.max_length=40"]
    plain, gradient, (tokens, rows) = losses_and_gradients(warm, tmp_path)
    packed, packed_gradient, (packed_tokens, packed_rows) = losses_and_gradients(
        warm, tmp_path, *packing, attention=attention
    )
    assert rows == len(PROMPTS) and packed_rows < rows and packed_tokens < tokens  # something was packed
    assert packed == pytest.approx(plain, abs=1e-5)
    assert torch.allclose(packed_gradient, gradient, atol=1e-5)


def test_packing_that_lets_examples_see_each_other_is_refused():
    with pytest.raises(UserError, match=r"trainer.packing_strategy: wrapped lets examples see each other"):
        configuration.load(CONFIGS / "star.yaml", ["trainer.packing=true", "trainer.packing_strategy=wrapped"])


def test_batches_by_length_have_less_padding(warm, tmp_path):
    prompts = [f"{a}+{b}{more}?" for a in range(10) for b in range(10) for more in ("", "-1*2+3")]
    padding = {}
    for strategy in ("random", "group_by_length"):
        own = ["trainer.per_device_train_batch_size=4", f"trainer.train_sampling_strategy={strategy}"]
        _, trainer = built(warm, prompts, tmp_path / strategy, *own)
        masks = [batch["attention_mask"] for batch in trainer.get_train_dataloader()]
        assert sum(len(mask) for mask in masks) == len(prompts)
        padding[strategy] = sum(int((mask == 0).sum()) for mask in masks)
    assert padding["group_by_length"] < 0.3 * padding["random"]


def test_examples_that_pack_into_less_than_a_batch_are_learnt(warm, tmp_path):
    own = ["trainer.per_device_train_batch_size=4", "trainer.packing=true", "trainer.max_length=200"]
    model, trainer = built(warm, PROMPTS, tmp_path, *own, "trainer.max_steps=2")
    before = torch.cat([parameter.detach().flatten().clone() for parameter in model.parameters()])
    trainer.train()
    assert len(trainer.train_dataset) == 1 and trainer.state.global_step == 2
    assert not torch.equal(before, torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
