"""What the runs of real models share: their names, and the figures that are put on record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness import Row

from rl.analysis.paired import changed, mcnemar
from verifiers.verdict import is_right

FOLDER = Path("runs") / "real"
KEPT = ("n", "k", "greedy", "mean_at_k", "pass_at_k", "maj_at_k", "chain")


def run_name(rung: str, arm: str, seed: int) -> str:
    """The name of a run, which is that of its folder."""
    return "-".join([rung, *re.findall(r"\w+", arm.lower()), str(seed)])


def kept(evaluation: Row) -> Row:
    """The figures of an evaluation that are put on record."""
    return {name: evaluation[name] for name in KEPT if name in evaluation}


def changes(before: Sequence[Row], after: Sequence[Row]) -> Row:
    """How many problems were gained and lost, and McNemar's p-value.

    Args:
        before: the examples of an evaluation.
        after: those of a later one, of the same problems.
    """
    right = [[bool(is_right(one["score"])) for one in of] for of in (before, after)]
    gained, lost = changed(list(zip(*right, strict=True)))
    return {"gained": gained, "lost": lost, "p": mcnemar(gained, lost)}
