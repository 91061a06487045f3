"""Warnings about rewards that look useless in the first log line: never judging, constant, or far too large."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

LARGEST = 1e18
"""Squares of larger values overflow in float32, in which TRL computes the standard deviations of rewards."""


def odd_rewards(numbers: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """A message for each reward whose first values are odd.

    Args:
        numbers: the first log line: `rewards/NAME/mean`, `std`, `abstained` and `failed`, means over its batches.
        names: names of the rewards.
    """
    found = []
    for name in names:
        mean, std, abstained, failed = (
            numbers.get(f"rewards/{name}/{what}") for what in ("mean", "std", "abstained", "failed")
        )
        if abstained is not None and abstained + (failed or 0.0) >= 1.0:
            what = "failed on" if failed and failed >= 1.0 else "abstained from"
            found.append(f"reward {name!r} {what} every completion so far, so it teaches nothing; see its columns")
        elif _overflows(mean) or _overflows(std):
            found.append(
                f"the values of reward {name!r} are so large that their standard deviation overflows; scale them down, "
                f"to the order of 1"
            )
        elif std == 0.0 and mean is not None:
            found.append(f"reward {name!r} gave every completion so far the same value, {mean:.4g}: it teaches nothing")
    return found


def _overflows(value: float | None) -> bool:
    return value is not None and (not math.isfinite(value) or abs(value) > LARGEST)
