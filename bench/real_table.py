"""The table of real models before and after training (`bench/real.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Row, Table

KINDS = ("two in digits", "two in words", "three in digits", "three in words")
"""Kinds of sums, by the number of their operands and by their form."""


def real_table(rows: Sequence[Row]) -> Table:
    """Greedy accuracy before and after on each seed, with its interval; also by kind of sum, and what it cost."""
    lines = [
        [
            row["arm"],
            str(row["seed"]),
            " → ".join(_interval(row, f"{when}.greedy") for when in ("before", "after")),
            f"{row['gained']}, {row['lost']}",
            *(f"{row[f'kinds.{kind}.before']:.2f} → {row[f'kinds.{kind}.after']:.2f}" for kind in KINDS),
            f"{row['larger.before.greedy']:.3f} → {row['larger.after.greedy']:.3f}",
            f"{row['minutes']:.0f}, {row['tokens']:,}",
        ]
        for row in rows
    ]
    lines = lines or [["not measured yet", *["–"] * 9]]
    return Table(["arm", "seed", "greedy", "gained, lost", *KINDS, "larger operands", "minutes, tokens"], lines)


def _interval(row: Row, name: str) -> str:
    return f"{row[name]:.3f} [{row[f'{name}.low']:.3f}, {row[f'{name}.high']:.3f}]"
