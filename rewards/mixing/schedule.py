"""Weights that change during training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rewards.parts.settings import number, whole

Weight = float | Sequence[tuple[int, float]]
"""A number, or `[[step, weight], …]`."""


def checked(weight: Any) -> Weight:
    """Check a weight and return it.

    Raises:
        ValueError: it is neither a number nor a list of `[step, weight]`, or its steps do not increase.
    """
    if isinstance(weight, int | float):
        return number("weight", weight)
    if not isinstance(weight, Sequence) or isinstance(weight, str) or not weight:
        raise ValueError(f"weight: expected a number or [[step, weight], …], got {weight!r}")
    pairs = []
    for pair in weight:
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise ValueError(f"weight: expected [step, weight], got {pair!r}")
        pairs.append((whole("weight: step", pair[0], 0), number("weight", pair[1])))
    steps = [step for step, _ in pairs]
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise ValueError(f"weight: the steps must rise, got {steps}")
    return pairs


def values(weight: Weight) -> list[float]:
    """The weights in a schedule, or the single number."""
    return [float(weight)] if isinstance(weight, int | float) else [float(value) for _, value in weight]


def at(weight: Weight, step: int) -> float:
    """The weight at a step: interpolated linearly between the given steps, constant outside them.

    Args:
        weight: a number, or a schedule as `checked` returns it.
        step: the step of training, from 0.
    """
    if isinstance(weight, int | float):
        return float(weight)
    import numpy as np  # here, because a config is checked without it at once

    return float(np.interp(step, [named for named, _ in weight], values(weight)))
