"""The embedded task `chain`: `7*3-4+8?` → `7*3=1;1-4=7;7+8=5#5`, left to right, digits modulo 10.

The demonstrator is usually wrong: it skips each later step with probability 0.6 and gets one result in ten wrong. So
good reasoning is in the distribution that the warm start learns, but greedy decoding does not show it, which leaves
something for reinforcement to bring out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from rl.errors import UserError
from rl.tasks.task import Task, drawn_from_train, fill_splits
from verifiers.chain import apply, operations_of
from verifiers.runtime.verifier import Verifier

VOCABULARY = (*"0123456789+-*=;#?",)
STYLES = ("full", "long", "swapped", "answer")
"""One step per operation; products written as sums; operands swapped if the result stays the same; the answer alone."""

TOLD = {";": "full", "#": "answer"}
"""What a prompt ends with that says how to answer → the style of the answer."""


def build(
    operations: tuple[int, int], sizes: dict, seed: int, *,
    skip: float = 0.6, slip: float = 0.1, hinted: float = 0.0, told: float = 0.0,
) -> Task:  # fmt: skip
    """The task with its three splits.

    Args:
        operations: smallest and largest number of operations of a problem, between which it is uniform.
        sizes: number of rows of each split.
        seed: random seed of the problems and their order.
        skip: probability that the demonstrator skips a step after the first.
        slip: probability that it gets a step's result wrong.
        hinted: share of the warm start's demonstrations whose prompt shows the answer (`with_answer`).
        told: share of them, after the hinted ones, whose prompt says how to answer (`as_told`).

    Raises:
        UserError: there are fewer different problems of this kind.
    """
    low, high = operations

    def draws() -> Iterator[dict[str, str]]:
        rng = random.Random(f"chain {seed}")
        while True:
            prompt = problem(rng, low, high)
            yield {"prompt": prompt, "gold": solve(prompt).rpartition("#")[2]}

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        def drawn() -> str:
            return drawn_from_train(lambda: problem(rng, low, high))

        if hinted and rng.random() < hinted:  # without it nothing else is drawn than before
            return with_answer(drawn(), skip=skip, slip=slip, rng=rng)
        if told and rng.random() < told:
            return as_told(drawn(), slip=slip, rng=rng)
        prompt = drawn()
        return prompt, solve(prompt, skip=skip, slip=slip, rng=rng)

    def demonstrate_on(
        row: Mapping[str, Any], rng: random.Random, *,
        skip: float = skip, slip: float = slip, vary: float = 0.0, style: str = "full",
    ) -> str:  # fmt: skip
        return solve(row["prompt"], skip=skip, slip=slip, vary=vary, style=style, rng=rng)

    return Task(
        name="chain",
        splits=fill_splits(draws(), sizes, "task.sizes"),
        verifier=Verifier("chain"),
        vocabulary=VOCABULARY,
        demonstrate=demonstrate,
        solve=lambda row: solve(row["prompt"]),
        demonstrate_on=demonstrate_on,
    )


def problem(rng: random.Random, low: int, high: int) -> str:
    """A problem of operations on digits, such as `7*3-4+8?`.

    Args:
        rng: the random generator.
        low: smallest number of operations.
        high: largest number of operations.
    """
    count = rng.randint(low, high)
    return str(rng.randrange(10)) + "".join(rng.choice("+-*") + str(rng.randrange(10)) for _ in range(count)) + "?"


def solve(
    prompt: str, *,
    skip: float = 0.0, slip: float = 0.0, vary: float = 0.0, style: str = "full", rng: random.Random | None = None,
) -> str:  # fmt: skip
    """The worked answer to a problem; with `skip` and `slip`, the demonstrator's, which is often wrong.

    The verifier judges steps only in the full style; in other styles only the answer is judged.

    Args:
        prompt: the problem.
        skip: probability that a step after the first is left out, so that its operand is never used.
        slip: probability that a step's result is a wrong digit.
        vary: probability that a step is written in another way: with its operands swapped, or with its operand added or
            subtracted in two parts.
        style: one of `STYLES`.
        rng: random generator of the demonstrator's habits; needed if any of the probabilities is set.

    Raises:
        UserError: there is no such style.
    """
    if style not in STYLES:
        raise UserError("habits.style", f"expected one of {', '.join(STYLES)}, got {style!r}")
    rng = rng or random.Random(0)
    value, steps = int(prompt[0]), []
    for operator, operand in operations_of(prompt):
        if steps and rng.random() < skip:
            continue
        result = apply(operator, value, operand)
        if rng.random() < slip:
            result = (result + rng.randint(1, 9)) % 10
        if style == "long" and operator == "*" and operand > 1:
            steps += _added_up(value, operand, result)
        elif style == "swapped":
            steps.append(_swapped(value, operator, operand, result))
        elif vary and rng.random() < vary:
            steps += _varied(value, operator, operand, result, rng)
        else:
            steps.append(f"{value}{operator}{operand}={result}")
        value = result
    return ("" if style == "answer" else ";".join(steps)) + f"#{value}"


def with_answer(prompt: str, *, skip: float, slip: float, rng: random.Random) -> tuple[str, str]:
    """A problem with its answer shown, `7*3-4?7?`, and what the demonstrator writes where that is its own answer.

    So the answers are those of the demonstrator given that it is right: reasoning that leads to the answer.

    Args:
        prompt: the problem.
        skip: as in `solve`.
        slip: as in `solve`.
        rng: where the demonstrator's habits are drawn from.
    """
    gold = solve(prompt).rpartition("#")[2]
    while not (completion := solve(prompt, skip=skip, slip=slip, rng=rng)).endswith(f"#{gold}"):
        pass
    return f"{prompt}{gold}?", completion


def as_told(prompt: str, *, slip: float, rng: random.Random) -> tuple[str, str]:
    """A problem whose prompt says how to answer, and the demonstrator's answer: `7*3-4?;` by steps, `7*3-4?#` at once.

    Args:
        prompt: the problem.
        slip: as in `solve`.
        rng: where the way and the demonstrator's slips are drawn from.
    """
    mark, style = rng.choice((*TOLD.items(),))
    return prompt + mark, solve(prompt, slip=slip, style=style, rng=rng)


def _added_up(value: int, operand: int, result: int) -> list[str]:
    """A product as a sum: `7*3=1` is `7+7=4;4+7=1`."""
    totals = [value * times % 10 for times in range(1, operand)]
    return [f"{total}+{value}={after}" for total, after in zip(totals, [*totals[1:], result], strict=True)]


def _swapped(value: int, operator: str, operand: int, result: int) -> str:
    left, right = (value, operand) if operator == "-" else (operand, value)
    return f"{left}{operator}{right}={result}"


def _varied(value: int, operator: str, operand: int, result: int, rng: random.Random) -> list[str]:
    if operator == "*" or operand < 2 or (operator == "+" and rng.random() < 0.5):
        return [_swapped(value, operator, operand, result)]
    first = rng.randrange(1, operand)
    between = apply(operator, value, first)
    return [f"{value}{operator}{first}={between}", f"{between}{operator}{operand - first}={result}"]
