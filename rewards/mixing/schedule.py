"""Weights that change over training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rewards.parts.settings import number, whole

Weight = float | Sequence[tuple[int, float]]
"""A number, or `[[step, weight], …]`."""


def checked(weight: Any) -> Weight:
    """The weight, with its steps in rising order.

    Raises:
        ValueError: it is no number, no list of `[step, weight]`, or its steps do not rise.
    """
    if isinstance(weight, int | float):
        return number("weight", weight)
    if not isinstance(weight, Sequence) or isinstance(weight, str) or not weight:
        raise ValueError(f"weight: a number or [[step, weight], …] is wanted, got {weight!r}")
    pairs = []
    for pair in weight:
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise ValueError(f"weight: [step, weight] is wanted, got {pair!r}")
        pairs.append((whole("weight: step", pair[0], 0), number("weight", pair[1])))
    steps = [step for step, _ in pairs]
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise ValueError(f"weight: the steps must rise, got {steps}")
    return pairs


def values(weight: Weight) -> list[float]:
    """The weights that a schedule goes through; of a number that number."""
    return [float(weight)] if isinstance(weight, int | float) else [float(value) for _, value in weight]


def at(weight: Weight, step: int) -> float:
    """The weight at a step: linear between the steps that are named, constant outside them.

    Args:
        weight: a number, or a schedule as `checked` gives it.
        step: of training, from 0.
    """
    if isinstance(weight, int | float):
        return float(weight)
    first, last = weight[0], weight[-1]
    if step <= first[0]:
        return float(first[1])
    for (start, before), (end, after) in pairwise(weight):
        if step <= end:
            return before + (after - before) * (step - start) / (end - start)
    return float(last[1])
