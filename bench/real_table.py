"""The tables of real models before and after training (`bench/real.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from harness import NOTHING, Row, Table
from pooling import interval, pooled

from rl.analysis.paired import mcnemar

KINDS = ("two in digits", "two in words", "three in digits", "three in words")
"""Kinds of sums, by the number of their operands and by their form."""
WHEN = ("before", "after")


def sums_table(rows: Sequence[Row]) -> Table:
    """Greedy accuracy before and after on each seed, with its interval, and over all seeds of an arm.

    Each seed also has its accuracy by kind of sum, and what it cost.
    """
    lines: list[list[str]] = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        lines += [_sums_of_seed(row) for row in own]
        lines += [_sums_of_all(own)] if len(own) > 1 else []
    lines = lines or [["not measured yet", *[NOTHING] * 9]]
    return Table(["arm", "seed", "greedy", "gained, lost", *KINDS, "larger operands", "minutes, tokens"], lines)


def _sums_of_seed(row: Row) -> list[str]:
    return [
        row["arm"],
        str(row["seed"]),
        " → ".join(interval(row, f"{when}.greedy") for when in WHEN),
        f"{row['gained']}, {row['lost']}",
        *(f"{row[f'kinds.{kind}.before']:.2f} → {row[f'kinds.{kind}.after']:.2f}" for kind in KINDS),
        f"{row['larger.before.greedy']:.3f} → {row['larger.after.greedy']:.3f}",
        f"{row['minutes']:.0f}, {row['tokens']:,}",
    ]


def _sums_of_all(rows: Sequence[Row]) -> list[str]:
    """An arm over all its seeds, with McNemar's p-value of the problems gained and lost."""
    gained, lost = (sum(row[name] for row in rows) for name in ("gained", "lost"))
    return [
        rows[0]["arm"],
        "all",
        " → ".join(pooled(rows, f"{when}.greedy", f"{when}.n") for when in WHEN),
        f"{gained}, {lost} (p = {mcnemar(gained, lost):.5f})",
        *[NOTHING] * 6,
    ]


def word_problems_table(rows: Sequence[Row]) -> Table:
    """Accuracy of the base model, after SFT and after the second stage, on each seed, and over all seeds of an arm."""
    lines: list[list[str]] = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        lines += [_problems_of(str(row["seed"]), [row]) for row in own]
        lines += [_problems_of("all", own)] if len(own) > 1 else []
    head = ["arm", "seed", "greedy: base, SFT, then", "gained, lost", *SAMPLED.values(), "minutes: SFT, then"]
    return Table(head, lines or [["not measured yet", *[NOTHING] * (len(head) - 1)]])


SAMPLED = {"mean_at_k": "mean@8", "maj_at_k": "maj@8", "pass_at_k": "pass@8", "chain": "by right equations"}
"""Figure → the head of its column, with its value after SFT and at the end."""


def _problems_of(seed: str, rows: Sequence[Row]) -> list[str]:
    """A line of an arm, for one seed or for several."""
    gained, lost = (sum(row[name] for row in rows) for name in ("gained", "lost"))
    base, first, last = (pooled(rows, f"{when}.greedy", f"{when}.n") for when in ("base", *WHEN))

    def mean(name: str) -> float:
        return sum(row[name] for row in rows) / len(rows)

    return [
        rows[0]["arm"],
        seed,
        f"{base}, {first} → {last}",
        f"{gained}, {lost} (p = {mcnemar(gained, lost):.4f})",
        *(f"{mean(f'before.{name}'):.3f} → {mean(f'after.{name}'):.3f}" for name in SAMPLED),
        f"{mean('minutes.sft'):.0f}, {mean('minutes.rl'):.0f}",
    ]


TABLES = {"sums": sums_table, "word_problems": word_problems_table}
"""Rung → its table."""
