"""Prompts that a policy has no room for."""

from types import SimpleNamespace

import pytest
from rich.console import Console
from transformers import GPT2Config, GPT2LMHeadModel, LlamaForCausalLM

from rewards.models.room import learnt_positions
from rl.config import load
from rl.errors import UserError
from rl.policy.load import Policy
from rl.policy.positions import check_positions

ROWS = [{"prompt": "1+1?", "gold": "2"}, {"prompt": "9*9*9*9*9?", "gold": "9"}, {"prompt": "9*9*9*9*8?", "gold": "8"}]
TASK = SimpleNamespace(splits={"train": ROWS, "validation": ROWS[:1], "test": ROWS[:1]})
OWN = ["name=x", "task=chain", "policy.model=embedded", "rewards.correctness.weight=1", "algorithm=grpo"]


def said(model, tokenizer, *overrides, splits=("train", "validation", "test")):
    console = Console(record=True, width=400)
    config = load(None, [*OWN, "sampling.max_tokens=6", *overrides])
    check_positions(config, TASK, Policy(model, tokenizer, "x"), console, splits)
    return console.export_text()


@pytest.fixture
def gpt2(warm):
    return GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=15, n_embd=8, n_layer=1, n_head=2))


def test_a_prompt_past_learnt_positions_is_refused_with_its_row(gpt2, warm):
    assert learnt_positions(gpt2) == 15
    with pytest.raises(UserError) as error:  # 10 tokens and 6 more
        said(gpt2, warm[1])
    assert str(error.value) == (
        "task: row 2 of the train split ('9*9*9*9*9?'): its prompt has 10 tokens, and up to 6 more are drawn, but the "
        "policy has learnt 15 positions; leave such rows out (2 of them), or lower sampling.max_tokens or "
        "evaluation.max_tokens"
    )
    assert said(gpt2, warm[1], "sampling.max_tokens=5") == ""
    assert said(gpt2, warm[1], splits=["test"]) == ""
    with pytest.raises(UserError, match="row 1 of the validation split"):
        said(gpt2, warm[1], "sampling.max_tokens=5", "evaluation.max_tokens=12")


def test_a_prompt_past_rotary_positions_is_a_warning(warm):
    config = LlamaForCausalLM.config_class(**{**warm[0].config.to_dict(), "max_position_embeddings": 15})
    model = LlamaForCausalLM(config)
    assert learnt_positions(model) is None
    assert said(model, warm[1]).startswith(
        "warning: 2 prompts may go past the 15 positions that the policy was made for"
    )
    assert said(model, warm[1], "sampling.max_tokens=5") == ""


def test_as_many_validation_prompts_are_checked_as_are_evaluated(gpt2, warm, monkeypatch):
    monkeypatch.setitem(TASK.splits, "validation", ROWS)
    few = ["evaluation.n=1", "evaluation.max_tokens=6"]
    assert said(gpt2, warm[1], *few, splits=["validation", "test"]) == ""
    with pytest.raises(UserError, match="row 2 of the validation split"):
        said(gpt2, warm[1], *few, "evaluation.validation_n=2", splits=["validation", "test"])
