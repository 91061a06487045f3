"""The embedded task `addition`: sums of two numbers, written by one of several traces (`verifiers/addition.py`).

`28+67=` → `95`, `59` or `5,1;9,0#95`, as in Teaching Arithmetic (Lee et al. 2023, arXiv:2307.03381), which compares how
many examples each trace needs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from rl.tasks.task import Task, drawn_from_train, fill_splits
from verifiers.addition import Place, completion, places, step
from verifiers.runtime.verifier import Verifier

VOCABULARY = (*"0123456789+=,:;#",)


def build(digits: tuple[int, int], trace: str, sizes: dict, seed: int, *, slip: float = 0.1) -> Task:
    """The task with its three splits.

    Args:
        digits: smallest and largest number of digits of both numbers of a sum.
        trace: how completions are written, one of `verifiers.addition.TRACES`.
        sizes: number of rows of each split.
        seed: random seed of the problems and their order.
        slip: probability that the demonstrator gets the digit of a place wrong.

    Raises:
        UserError: there are fewer different problems of this kind.
    """

    def draws() -> Iterator[dict[str, str]]:
        rng = random.Random(f"addition {seed}")
        while True:
            prompt = problem(rng, *digits)
            yield {"prompt": prompt, "gold": str(sum(map(int, prompt.rstrip("=").split("+"))))}

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        prompt = drawn_from_train(lambda: problem(rng, *digits))
        return prompt, solve(prompt, trace, slip=slip, rng=rng)

    def demonstrate_on(row: Mapping[str, Any], rng: random.Random, *, slip: float = slip) -> str:
        return solve(row["prompt"], trace, slip=slip, rng=rng)

    return Task(
        name="addition",
        splits=fill_splits(draws(), sizes, "task.sizes"),
        verifier=Verifier("addition", trace=trace),
        vocabulary=VOCABULARY,
        demonstrate=demonstrate,
        solve=lambda row: solve(row["prompt"], trace, rng=random.Random(row["prompt"])),
        demonstrate_on=demonstrate_on,
    )


def problem(rng: random.Random, low: int, high: int) -> str:
    """A sum of two numbers that have the same number of digits, such as `28+67=`.

    Args:
        rng: the random generator.
        low: smallest number of digits.
        high: largest number of digits.
    """
    digits = rng.randint(low, high)
    first, last = 10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1
    return f"{rng.randint(first, last)}+{rng.randint(first, last)}="


def solve(prompt: str, trace: str, *, slip: float = 0.0, rng: random.Random) -> str:
    """The sum as the trace writes it; with `slip`, the demonstrator's.

    Args:
        prompt: the problem.
        trace: one of `verifiers.addition.TRACES`.
        slip: probability that the digit of a place is wrong; carries stay right.
        rng: random generator of the slips, and of the steps of a random trace.
    """
    steps: list[str] = []
    answer, last = "", 0
    for place in places(prompt):
        if rng.random() < slip:
            place = place._replace(total=place.total // 10 * 10 + (place.digit + rng.randint(1, 9)) % 10)
        steps.append(_step(place, answer, trace, rng))
        answer, last = f"{place.digit}{answer}", place.total // 10
    return completion(steps, f"{last or ''}{answer}", trace)


def _step(place: Place, done: str, trace: str, rng: random.Random) -> str:
    if trace == "random":
        return f"{rng.randrange(10)},{rng.randrange(2)}"
    return step(place, done, trace)
