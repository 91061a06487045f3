"""The table of SIPF's process feedback: how good labels and reward models were, round by round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from harness import Row, Table

COLUMNS = {
    "rounds.right": "right samples, by round",
    "rounds.right_by_wrong_steps": "of these by wrong steps",
    "rounds.labels_auc": "AUC of labels",
    "rounds.step_auc": "AUC of the reward model",
}


def feedback_table(rows: Sequence[Row]) -> Table:
    """What each arm sampled, and how its labels and its reward model agree with the exact step verifier.

    Args:
        rows: of the recipe; arms of a single round are left out.
    """
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows if "rounds.right" in row):
        own = [row for row in rows if row["arm"] == arm]
        lines.append([arm, str(len(own)), *(_series(own, name) for name in COLUMNS)])
    return Table(["arm", "seeds", *COLUMNS.values()], lines or [["not measured yet", *["–"] * (1 + len(COLUMNS))]])


def _series(rows: Sequence[Row], name: str) -> str:
    """Means over seeds, one for each round."""
    curves = [row[name] for row in rows if name in row]
    return " · ".join(f"{statistics.mean(of):.3f}" for of in zip(*curves, strict=True)) or "–"
