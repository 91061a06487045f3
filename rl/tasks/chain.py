"""The embedded task `chain`: `7*3-4+8?` → `7*3=1;1-4=7;7+8=5#5`, left to right, digits modulo 10.

The demonstrator's dominant habit is wrong: it skips a later step six times in ten and gets one result in ten wrong. So
good reasoning is in the distribution that the warm start learns, but greedy decoding does not show it, and
reinforcement has something to bring out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from rl.tasks.task import Task, fill_splits, split_of
from verifiers.chain import apply, operations_of
from verifiers.runtime.verifier import Verifier

VOCABULARY = (*"0123456789+-*=;#?",)


def build(operations: tuple[int, int], sizes: dict, seed: int, *, skip: float = 0.6, slip: float = 0.1) -> Task:
    """The task with its three splits.

    Args:
        operations: least and most operations of a problem, drawn evenly between.
        sizes: rows of each split.
        seed: which problems are drawn, and in what order.
        skip: probability that the demonstrator skips a step after the first.
        slip: probability that it gets a step's result wrong.

    Raises:
        UserError: there are not that many different problems of this kind.
    """
    low, high = operations

    def draws() -> Iterator[dict[str, str]]:
        rng = random.Random(f"chain {seed}")
        while True:
            prompt = problem(rng, low, high)
            yield {"prompt": prompt, "gold": solve(prompt).rpartition("#")[2]}

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        while split_of(prompt := problem(rng, low, high)) != "train":
            pass
        return prompt, solve(prompt, skip=skip, slip=slip, rng=rng)

    return Task(
        name="chain",
        splits=fill_splits(draws(), sizes, "task.sizes"),
        verifier=Verifier("chain"),
        vocabulary=VOCABULARY,
        demonstrate=demonstrate,
        solve=lambda row: solve(row["prompt"]),
    )


def problem(rng: random.Random, low: int, high: int) -> str:
    """A problem of operations on digits, such as `7*3-4+8?`.

    Args:
        rng: what it is drawn from.
        low: fewest operations.
        high: most operations.
    """
    count = rng.randint(low, high)
    return str(rng.randrange(10)) + "".join(rng.choice("+-*") + str(rng.randrange(10)) for _ in range(count)) + "?"


def solve(prompt: str, *, skip: float = 0.0, slip: float = 0.0, rng: random.Random | None = None) -> str:
    """The worked answer to a problem; with `skip` and `slip`, the demonstrator's, which is often wrong.

    Args:
        prompt: the problem.
        skip: probability that a step after the first is left out, its operand never used.
        slip: probability that a step's result is another digit than the right one.
        rng: where the demonstrator's habits are drawn from; needed with skip or slip.
    """
    rng = rng or random.Random(0)
    value, steps = int(prompt[0]), []
    for operator, operand in operations_of(prompt):
        if steps and rng.random() < skip:
            continue
        result = apply(operator, value, operand)
        if rng.random() < slip:
            result = (result + rng.randint(1, 9)) % 10
        steps.append(f"{value}{operator}{operand}={result}")
        value = result
    return ";".join(steps) + f"#{value}"
