"""A random model, made-up problems and a reward by chance: all that matters of them in a measurement is their size."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from rl.smoke.stand_ins import byte_tokenizer

SMOLLM2 = {
    "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192,
}  # fmt: skip
"""The architecture of SmolLM2-135M."""
TINY = {
    "vocab_size": 512, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 2048,
}  # fmt: skip
NAMES = ("Ada", "Ben", "Chen", "Dora", "Emil", "Fatima", "Goran", "Hana")
THINGS = ("apples", "books", "coins", "cups", "marbles", "pencils", "shells", "stamps")


def model(sizes: Mapping[str, int]) -> LlamaForCausalLM:
    """A Llama with random weights.

    Args:
        sizes: of its architecture, such as `SMOLLM2`.
    """
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=True, pad_token_id=0, eos_token_id=1))


def policy(folder: Path, sizes: Mapping[str, int]) -> Path:
    """Save a random model with a tokenizer that reads bytes; it hardly ever ends a completion.

    Args:
        folder: where to.
        sizes: as in `model`.
    """
    disable_progress_bar()
    model(sizes).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def problems(file: Path, count: int = 400) -> Path:
    """Write word problems as JSON lines with `question` and `answer`.

    Args:
        file: where to.
        count: number of problems, all different.
    """
    rng, lines = random.Random(0), set[str]()
    while len(lines) < count:
        name, thing = rng.choice(NAMES), rng.choice(THINGS)
        has, more, boxes = rng.randint(11, 60), rng.randint(2, 9), rng.randint(3, 12)
        question = (
            f"{name} has {has} {thing} and finds {boxes} boxes with {more} {thing} in each. "
            f"How many {thing} does {name} have now?"
        )
        lines.add(json.dumps({"question": question, "answer": str(has + more * boxes)}))
    file.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    return file


def coin(
    prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Sequence[Sequence[int]], **columns: Any
) -> list[float]:
    """A reward of 0 or 1 by the sum of the tokens' ids: nearly every group carries signal, whatever the policy is."""
    return [float(sum(ids) % 2) for ids in completion_ids]
