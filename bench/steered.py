"""The table of a recipe whose arms are measured by several rewards, on the best control tokens and on the worst."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from harness import Row, Table

REWARDS = ("consistency", "correctness", "plausibility", "diversity")


def rewards_table(rows: Sequence[Row]) -> Table:
    """The rewards of each arm: after the supervised stage, at the end, and there on the worst tokens; means of seeds.

    Args:
        rows: of the recipe.
    """
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        lines.append([arm, *(_cell(own, name) for name in REWARDS), str(len(own))])
    return Table(["arm", *REWARDS, "seeds"], lines)


def _cell(rows: Sequence[Row], name: str) -> str:
    start, end, worst = (_mean(rows, f"{when}rewards/{name}") for when in ("between.", "after.", "after.worst/"))
    return f"{start} → {end}" + (f" ({worst})" if worst else "")


def _mean(rows: Sequence[Row], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    return f"{statistics.mean(values):.3f}" if values else ""
