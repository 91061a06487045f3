"""Times sampling for evaluation beside plain `generate`: tokens a second, with the same batches and parameters."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import made
import torch
from trainers import configured, prepared
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from rewards.models.prompts import encode, render
from rl.sampling.draw import sample


class Draw(NamedTuple):
    """What is drawn, by both in the same way.

    Attributes:
        model: the policy.
        tokenizer: its tokenizer, which pads on the left.
        prompts: texts, or lists of chat messages.
        count: completions of each prompt.
        batch: completions of a batch.
        max_tokens: the largest number of tokens of a completion.
    """

    model: Any
    tokenizer: Any
    prompts: Sequence[Any]
    count: int
    batch: int
    max_tokens: int


def of_the_embedded_policy(seed: int, overrides: Sequence[str]) -> Draw:
    """Four completions of each of 128 problems of `chain`, 128 at once.

    Args:
        seed: of the problems and the policy.
        overrides: of `configs/grpo.yaml`.
    """
    config = configured(seed, "grpo", *overrides)
    with tempfile.TemporaryDirectory() as scratch:
        run = prepared(config, scratch)
    prompts = [row["prompt"] for row in run.task.splits["train"][:128]]
    return Draw(run.policy.model, run.tokenizer, prompts, 4, 128, config.sampling.max_tokens)


def of_a_model(folder: Path) -> Draw:
    """Eight completions of each of four word problems, 32 at once, by a chat model in float32.

    Args:
        folder: the model.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with tempfile.TemporaryDirectory() as scratch:
        lines = made.problems(Path(scratch) / "problems.jsonl", 4).read_text(encoding="utf-8").splitlines()
    prompts = [[{"role": "user", "content": json.loads(line)["question"]}] for line in lines]
    return Draw(model, tokenizer, prompts, 8, 32, 96)


def tokens_a_second(draw: Draw, seed: int, turns: int) -> tuple[float, float]:
    """Tokens drawn per second, by `rl/sampling/draw.py` and by plain `generate`: medians over turns.

    Args:
        draw: what is drawn.
        seed: of the completions.
        turns: that count.
    """
    model, tokenizer, ends = draw.model, draw.tokenizer, set[int]()
    stored = model.generation_config.eos_token_id
    ends |= {tokenizer.eos_token_id, *(stored if isinstance(stored, list) else [stored])} - {None}
    settings = GenerationConfig(
        do_sample=True, top_k=0, max_new_tokens=draw.max_tokens, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=sorted(ends),
    )  # fmt: skip

    def ours() -> int:
        groups = sample(
            model, tokenizer, draw.prompts, count=draw.count, batch=draw.batch, seed=seed, max_tokens=draw.max_tokens
        )
        return sum(len(one.ids) for group in groups for one in group)

    def plain() -> int:
        torch.manual_seed(seed)
        ids = [encode(render(prompt, tokenizer), tokenizer) for prompt in draw.prompts for _ in range(draw.count)]
        tokens = 0
        for first in range(0, len(ids), draw.batch):
            given = tokenizer.pad({"input_ids": ids[first : first + draw.batch]}, return_tensors="pt")
            out = model.generate(**given, generation_config=settings)[:, given["input_ids"].shape[1] :]
            tokenizer.batch_decode(out, skip_special_tokens=True)
            ended_BT = torch.isin(out, torch.tensor(sorted(ends))).cumsum(1)
            tokens += int((ended_BT == 0).sum() + (ended_BT[:, -1] > 0).sum())
        return tokens

    with torch.no_grad():
        rates = in_turns([ours, plain], turns)
    return statistics.median(rates[0]), statistics.median(rates[1])


def in_turns(ways: Sequence[Callable[[], int]], turns: int) -> list[list[float]]:
    """What each way makes per second, turn by turn; the first turn is a warm-up and does not count."""
    rates: list[list[float]] = [[] for _ in ways]
    for turn in range(1 + turns):
        for way, of_way in zip(ways, rates, strict=True):
            started = time.perf_counter()
            made_now = way()
            if turn:
                of_way.append(made_now / (time.perf_counter() - started))
    return rates
