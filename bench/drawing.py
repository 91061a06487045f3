"""Times sampling for evaluation beside plain `generate`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from trainers import configured, prepared
from transformers import GenerationConfig

from rl.sampling.draw import sample


def for_evaluation(seed: int, turns: int, overrides: Sequence[str]) -> list[list[float]]:
    """Seconds for four completions of each of 128 problems of `chain`: ours, and plain `generate` in the same batches.

    Args:
        seed: of the problems and the policy.
        turns: that count.
        overrides: of `configs/grpo.yaml`.
    """
    config = configured(seed, "grpo", *overrides)
    with tempfile.TemporaryDirectory() as scratch:
        run = prepared(config, scratch)
    model, tokenizer = run.policy.model, run.tokenizer
    prompts = [row["prompt"] for row in run.task.splits["train"][:128]]
    count, batch, most = 4, 128, config.sampling.max_tokens
    settings = GenerationConfig(
        do_sample=True, top_k=0, max_new_tokens=most, pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip

    def ours() -> None:
        sample(model, tokenizer, prompts, count=count, batch=batch, seed=seed, max_tokens=most)

    def plain() -> None:
        many = [prompt for prompt in prompts for _ in range(count)]
        for first in range(0, len(many), batch):
            given: Any = tokenizer(many[first : first + batch], return_tensors="pt", padding=True)
            ids, mask = given["input_ids"], given["attention_mask"]
            out: Any = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
            tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)

    with torch.no_grad():
        return in_turns([ours, plain], turns)


def in_turns(ways: Sequence[Callable[[], None]], turns: int) -> list[list[float]]:
    """Seconds of each way, turn by turn; the first turn is a warm-up and does not count."""
    seconds: list[list[float]] = [[] for _ in ways]
    for turn in range(1 + turns):
        for way, taken in zip(ways, seconds, strict=True):
            started = time.perf_counter()
            way()
            if turn:
                taken.append(time.perf_counter() - started)
    return seconds
