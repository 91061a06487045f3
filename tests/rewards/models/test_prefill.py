"""What prompts share is run once before completions are drawn, and the completions are the same."""

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from rewards.models import prefill
from rewards.models.prefill import prefilled
from rewards.models.waiting import batches_of_others
from tests.small_models import PAD, SIZES, learnt_positions, left_padded, llama, with_adapters

ALIKE = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 7], [1, 2, 3, 4, 5, 6], [1, 2, 3, 8, 9], [1, 2, 3, 7]]
"""Prompts that start alike, some of which are the same, as a batch of groups may hold them."""


def with_checkpointed_adapters(**more):
    model = with_adapters(**more)
    model.gradient_checkpointing_enable()
    return model


def completions(model, inputs, **how):
    torch.manual_seed(0)
    out = model.generate(**inputs, max_new_tokens=6, pad_token_id=PAD, eos_token_id=None, **how)
    return out[:, inputs["input_ids"].shape[1] :].tolist()


@pytest.fixture
def always(monkeypatch):
    """The models of these tests are too small to be worth it."""
    monkeypatch.setattr(prefill, "LEAST_SAVED", 0)


@pytest.mark.parametrize("how", [{"do_sample": False}, {"do_sample": True}], ids=["greedy", "sampled"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", [llama, learnt_positions, with_checkpointed_adapters], ids=lambda kind: kind.__name__)
def test_the_completions_are_those_of_whole_prompts(always, kind, attention, how):
    torch.manual_seed(0)
    model = kind(attn_implementation=attention).eval()
    for prompts in (ALIKE, [[4, 5, 6], [7, 8, 9], [4, 5, 6], [7, 1]], [[3, 1, 2]] * 4, [[1, 2], [1, 3, 3, 3]] * 2):
        ids, mask = left_padded(prompts, extra=3)
        with torch.no_grad():
            inputs = prefilled(model, ids, mask, PAD)
        plain = {"input_ids": ids, "attention_mask": mask}
        assert "past_key_values" in inputs
        assert completions(model, inputs, **how) == completions(model, plain, **how)


def test_tokens_that_prompts_share_are_run_once_and_each_prompt_once(always):
    model, ran = llama().eval(), []
    model.register_forward_pre_hook(lambda _, __, given: ran.append(tuple(given["input_ids"].shape)), with_kwargs=True)
    inputs = prefilled(model, *left_padded(ALIKE), PAD)
    # 1 2 3; then 4 5, nothing, and 8 of the three prompts; then the last token of each row by `generate`
    assert ran == [(1, 3), (3, 2)]
    assert inputs["input_ids"].tolist() == [
        [1, 2, 3, 4, 5, 6], [1, 2, 3, PAD, PAD, 7], [1, 2, 3, 4, 5, 6], [1, 2, 3, 8, PAD, 9], [1, 2, 3, PAD, PAD, 7],
    ]  # fmt: skip
    assert inputs["attention_mask"].tolist() == [
        [1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 1], [1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 1], [1, 1, 1, 0, 0, 1],
    ]  # fmt: skip
    completions(model, inputs)
    assert ran[2:] == [(5, 1)] * 6


@pytest.mark.parametrize(("least", "pays"), [(27 * 2 * (24 * 32**2 + 4 * 32), True), (27.1 * 2 * 24_704, False)])
def test_prompts_are_run_as_they_are_where_little_is_saved(monkeypatch, least, pays):
    monkeypatch.setattr(prefill, "LEAST_SAVED", least)
    ids = torch.full((4, 10), 5)  # 9 tokens once and 4 last ones instead of 40, in each of two layers
    assert ("past_key_values" in prefilled(llama(), ids, torch.ones_like(ids), PAD)) == pays


@pytest.mark.parametrize(
    ("model", "prompts"),
    [
        (lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4)), ALIKE),
        (llama, [[5], [5], [5, 6]]),
    ],
    ids=["a sliding window", "prompts of one token"],
)
def test_what_cannot_start_from_a_cache_with_gaps_runs_whole_prompts(always, model, prompts):
    ids, mask = left_padded(prompts)
    inputs = prefilled(model(), ids, mask, PAD)
    assert inputs.keys() == {"input_ids", "attention_mask"} and inputs["input_ids"] is ids


def test_processes_that_wait_for_each_other_in_every_pass_run_as_many(always, monkeypatch):
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    model = llama()
    assert "past_key_values" in prefilled(model, *left_padded(ALIKE), PAD)  # whole weights in each process
    model.model.layers[0]._is_fsdp_managed_module = True
    assert "past_key_values" not in prefilled(model, *left_padded(ALIKE), PAD)


def test_a_process_with_fewer_batches_accompanies_those_of_the_others(monkeypatch):
    model = llama()
    assert batches_of_others(model, 3) == 0  # a single process
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda most, op: most.clamp_(min=5))
    assert batches_of_others(model, 3) == 0  # whole weights in each process
    model._is_fsdp_managed_module = True
    assert [batches_of_others(model, own) for own in (3, 5)] == [2, 0]
