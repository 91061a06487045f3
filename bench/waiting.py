"""What a reward that waits costs: draws with their steps, with `algorithm.overlap` and without it."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steps import cycles
from trainers import configured

DRAWS = 7
"""Draws of a run; the first and the last do not count, because with overlap one draws twice and one not at all."""


async def waits(completions: list[str], seconds: float = 0.0, **columns: Any) -> list[float]:
    """A reward that waits once for a whole batch, as for an API, and uses no processor meanwhile."""
    await asyncio.sleep(seconds)
    return [0.0] * len(completions)


def overlapped(seed: int, turns: int, overrides: Sequence[str]) -> tuple[list[list[float]], float]:
    """Seconds of a draw of 128 completions with all steps on it, with overlap and without, in alternating turns.

    Args:
        seed: random seed.
        turns: of each.
        overrides: of `configs/grpo_steps.yaml`.

    Returns:
        The seconds with overlap and without, and the seconds that the reward waits: as long as sampling takes.
    """
    waiting = ["rewards.waits.weight=0.0", f"rewards.waits.function={Path(__file__)}:waits"]
    _, sampling = cycles(configured(seed, "grpo_steps", *waiting, *overrides), DRAWS)
    wait = statistics.median(sampling[1:-1])
    seconds: list[list[float]] = [[], []]
    for _ in range(turns):
        for switch, taken in zip(("true", "false"), seconds, strict=True):
            own = [*waiting, f"rewards.waits.options.seconds={wait}", f"algorithm.overlap={switch}"]
            taken += cycles(configured(seed, "grpo_steps", *own, *overrides), DRAWS)[0][1:-1]
    return seconds, wait
