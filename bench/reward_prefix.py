"""How much a shared prefix saves when a model scores the answers of a question, and that the results are equal.

    python bench/reward_prefix.py [--model PATH] [--out FILE]

A question of 100 tokens, 8 rationales of 40 tokens and 8 choices of 5 tokens are scored with shared prefixes, and with
one forward pass per pair, both separately and in full batches. The default model is a random Llama with about 10
million parameters. Required: at least 3 times faster, and equal to 1e-4.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from harness import Row, arguments, flat, listed, record
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, PreTrainedTokenizerFast

from rewards.models.likelihoods import likelihoods

WORDS = 4096
QUESTION, RATIONALES, RATIONALE, CHOICES, CHOICE = 100, 8, 40, 8, 5
SPEED, DIFFERENCE = 3.0, 1e-4
"""The requirements."""


def main() -> None:
    """Measure, record the row, and print it. The exit code is 1 if a requirement is not met."""
    parser = arguments(__doc__)
    parser.add_argument("--model", help="a causal model, a path or a hub id")
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    model, tokenizer = loaded(given.model) if given.model else made()
    name = Path(given.model).name if given.model else "random Llama"
    row = {"model": name, **measured(model, tokenizer, given.questions, given.repeats)}
    row["parameters"] = sum(weight.numel() for weight in model.parameters())
    row["threads"] = torch.get_num_threads()
    record(given.out, [row], key=["model"])
    listed([row], "model").show()
    if row["times_faster_than_a_pass_a_pair"] < SPEED or row["largest_difference"] > DIFFERENCE:
        raise SystemExit(f"wanted: {SPEED:g} times faster than a forward pass a pair, equal to {DIFFERENCE:g}")


def made() -> tuple[Any, Any]:
    """A random Llama with about 10 million parameters, whose tokens are words."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=320, intermediate_size=960, num_hidden_layers=6, num_attention_heads=8,
        num_key_value_heads=4, initializer_range=0.1,
    )  # fmt: skip
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(WORDS)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w0", unk_token="w0")
    return AutoModelForCausalLM.from_config(config).eval(), tokenizer


def loaded(name: str) -> tuple[Any, Any]:
    """A model with its tokenizer, in float32."""
    return AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(name)


def measured(model: Any, tokenizer: Any, count: int, repeats: int) -> Row:
    """Median seconds of each method over alternating repeats, and the largest difference of a log-probability."""
    prefixes, contexts, answers = questions(tokenizer, count)
    ways = {
        "shared": lambda: likelihoods(model, tokenizer, prefixes, contexts, answers, share=True),
        "pass_a_pair": lambda: likelihoods(model, tokenizer, prefixes, contexts, answers, share=False, budget=1),
        "pass_a_pair_in_batches": lambda: likelihoods(model, tokenizer, prefixes, contexts, answers, share=False),
    }
    found, seconds = {}, {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            found[name] = [answer.logprob for context in way() for answer in context or []]
            seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(times[1:]) for name, times in seconds.items()}  # the first run is a warm-up
    pairs = zip(found["shared"], found["pass_a_pair"], strict=True)
    figures = {
        "questions": count,
        "question_tokens": QUESTION,
        "rationales": f"{RATIONALES} of {RATIONALE} tokens",
        "choices": f"{CHOICES} of {CHOICE} tokens",
        "repeats": repeats,
        "median_seconds": median,
        "times_faster_than_a_pass_a_pair": median["pass_a_pair"] / median["shared"],
        "times_faster_than_batches_of_them": median["pass_a_pair_in_batches"] / median["shared"],
        "largest_difference": max(abs(one - other) for one, other in pairs),
    }
    return flat(figures)


def questions(tokenizer: Any, count: int) -> tuple[list[str], list[str], list[list[str]]]:
    """Prompts, contexts and answers of random tokens, with about the given lengths."""
    rng = random.Random(0)
    known = [text for i in range(1, min(len(tokenizer), 20_000)) if (text := tokenizer.decode([i]).strip()).isalnum()]
    text = lambda tokens: " ".join(rng.choices(known, k=tokens))  # noqa: E731
    prefixes, contexts, answers = [], [], []
    for _ in range(count):
        prompt, choices = text(QUESTION), [f" {text(CHOICE)}" for _ in range(CHOICES)]
        for _ in range(RATIONALES):
            prefixes.append(prompt)
            contexts.append(f"{prompt} {text(RATIONALE)}")
            answers.append(choices)
    return prefixes, contexts, answers


if __name__ == "__main__":
    main()
