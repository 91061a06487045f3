"""The loop that draws on a CPU: token by token what transformers' own loop draws, with fewer rows."""

import pytest
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    MistralConfig,
    MistralForCausalLM,
)

from rewards.models import prefill
from rewards.models.decoding import decode, decoding
from rewards.models.prefill import prefilled
from rewards.models.processors import FirstTokens, NanWatch
from tests.small_models import PAD, SIZES, learnt_positions, left_padded, llama, with_adapters

END = 11
PROMPTS = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 7], [4, 2], [1, 2, 3, 8, 9], [1, 2, 3, 7], [5], [6, 6, 6], [7, 8]]


def batch(prompts):
    ids, mask = left_padded(prompts)
    return {"input_ids": ids, "attention_mask": mask}


def drawn(model, inputs, loop, **settings):
    torch.manual_seed(0)
    config = GenerationConfig(
        max_new_tokens=24, pad_token_id=PAD, eos_token_id=END, **{"do_sample": True, "top_k": 0, **settings}
    )
    return model.generate(**inputs, generation_config=config, custom_generate=loop).tolist()


def passes(model):
    """The rows and tokens of each pass of a model from now on."""
    shapes = []
    model.register_forward_pre_hook(
        lambda _, __, given: shapes.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    return shapes


WAYS = [{}, {"do_sample": False}, {"temperature": 0.7, "top_p": 0.8}, {"min_p": 0.1, "repetition_penalty": 1.3}]


@pytest.mark.parametrize("how", WAYS, ids=["sampled", "greedy", "top_p", "min_p and a penalty"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", [llama, learnt_positions, with_adapters], ids=lambda kind: kind.__name__)
def test_the_tokens_are_those_of_transformers(kind, attention, how):
    torch.manual_seed(0)
    model = kind(attn_implementation=attention).eval()
    assert decoding(model) is decode
    for prompts in (PROMPTS, [[3, 1, 2]] * 8):
        given = batch(prompts)
        assert drawn(model, given, decode, **how) == drawn(model, given, None, **how)


def test_they_are_those_after_a_cache_of_what_prompts_share(monkeypatch):
    monkeypatch.setattr(prefill, "LEAST_SAVED", 0)
    torch.manual_seed(0)
    model, prompts = llama().eval(), [one for one in PROMPTS if len(one) > 1]
    given = batch(prompts)
    with torch.no_grad():
        shared = prefilled(model, given["input_ids"], given["attention_mask"], PAD)
    start = shared["input_ids"].shape[1]
    ours = [row[start:] for row in drawn(model, shared, decode)]
    assert "past_key_values" in shared
    assert ours == [row[given["input_ids"].shape[1] :] for row in drawn(model, given, None)]


def test_rows_that_have_ended_leave_once_they_are_a_quarter():
    torch.manual_seed(0)
    model = llama().eval()
    shapes = passes(model)
    out = drawn(model, batch(PROMPTS * 4), decode, temperature=4.0)  # nearly even: one token in twelve ends a row
    start, rows, size = 6, [], 32
    lengths = [row[start:].index(END) + 1 if END in row[start:] else 24 for row in out]
    for step in range(1, max(lengths)):  # the rows of the pass that gives the token after `step` tokens
        left = sum(length > step for length in lengths)
        size = left if left <= 0.75 * size else size
        rows.append((size, 1))
    assert shapes == [(7, 6), *rows]  # 7 of the prompts differ
    assert rows[-1][0] < 16


def test_where_it_is_not_known_to_work_transformers_own_loop_draws(monkeypatch):
    assert decoding(MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4))) is None
    model = llama()
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    assert decoding(model) is decode  # whole weights in each process
    model.model.layers[0]._is_fsdp_managed_module = True
    assert decoding(model) is None


def test_first_tokens_are_forced_and_broken_rows_are_told_by_their_place():
    torch.manual_seed(0)
    model, given = llama().eval(), batch(PROMPTS)
    ranks = [0, 1, 2, 3, 0, 1, 2, 3]
    for loop in (decode, None):
        torch.manual_seed(0)
        out = model.generate(
            **given, max_new_tokens=1, do_sample=True, pad_token_id=PAD, custom_generate=loop,
            logits_processor=LogitsProcessorList([FirstTokens(6, ranks)]),
        )  # fmt: skip
        logits = model(**given, position_ids=(given["attention_mask"].cumsum(1) - 1).clamp(min=0)).logits[:, -1]
        assert out[:, -1].tolist() == [
            row.argsort(descending=True)[rank].item() for row, rank in zip(logits, ranks, strict=True)
        ]
    watch, broken = NanWatch(), torch.full((3, 2), 1.0)
    watch(torch.zeros(3, 1), broken)
    watch.select(torch.tensor([0, 2]))
    watch(torch.zeros(2, 1), torch.tensor([[1.0, 1.0], [1.0, torch.nan]]))
    assert watch.broken_B.tolist() == [False, False, True]


def test_drawing_from_nan_raises_as_ever():
    model = llama()
    with torch.no_grad():
        model.lm_head.weight.fill_(torch.nan)
    with pytest.raises(RuntimeError, match="nan"):
        drawn(model, batch(PROMPTS), decode)
