"""The tables of real models before and after training (`bench/real.py`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from harness import NOTHING, Row, Table
from pooling import interval, pooled

from rl.analysis.intervals import Interval, bootstrap, mean_of_shares
from rl.analysis.paired import mcnemar

KINDS = ("two in digits", "two in words", "three in digits", "three in words")
"""Kinds of sums, by the number of their operands and by their form."""
WHEN: tuple[str, str] = ("before", "after")


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
    """Accuracy of the base model, after SFT and after the second stage, on each seed, and over all seeds of an arm.

    The last lines compare the arms with `SFT again`, at the same questions of the same seeds.
    """
    of_arm = {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}
    lines: list[list[str]] = []
    for arm, own in of_arm.items():
        lines += [_problems_of(arm, str(row["seed"]), [row]) for row in own]
        lines += [_problems_of(arm, "all", own)] if len(own) > 1 else []
    for arm, own in of_arm.items():
        pairs = [(row, other) for row in own for other in of_arm.get(AGAIN, []) if other["seed"] == row["seed"]]
        if arm != AGAIN and pairs:
            gains = [
                _gain([(other, row) for row, other in pairs], name, ("after", "after")) for name in ("test", "held_out")
            ]
            lines.append(
                [f"{arm}, beyond {AGAIN}", "all", NOTHING, NOTHING, gains[0], NOTHING, gains[1], *[NOTHING] * 5]
            )
    head = ["arm", "seed", "SVAMP, base", "SFT, then", "gain", "held out: SFT, then", "gain"]
    head += [*SAMPLED.values(), "minutes: SFT, then"]
    return Table(head, lines or [["not measured yet", *[NOTHING] * (len(head) - 1)]])


AGAIN = "SFT again"
SAMPLED = {"mean_at_k": "mean@8", "maj_at_k": "maj@8", "pass_at_k": "pass@8", "chain": "by right equations"}
"""Figure → the head of its column, with its value after SFT and at the end."""


def _problems_of(arm: str, seed: str, rows: Sequence[Row]) -> list[str]:
    """A line of an arm, for one seed or for several."""

    def greedy(name: str) -> str:
        found = (_share(rows, f"{name}.{when}.right") for when in WHEN)
        return " → ".join(f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found)

    def mean(name: str) -> float:
        return sum(row[name] for row in rows) / len(rows)

    return [
        arm,
        seed,
        f"{mean('base.greedy'):.3f}",
        greedy("test"),
        _gain([(row, row) for row in rows], "test", WHEN),
        greedy("held_out"),
        _gain([(row, row) for row in rows], "held_out", WHEN),
        *(f"{mean(f'sampled.before.{name}'):.3f} → {mean(f'sampled.after.{name}'):.3f}" for name in SAMPLED),
        f"{mean('minutes.sft'):.0f}, {mean('minutes.rl'):.0f}",
    ]


def _share(rows: Sequence[Row], name: str) -> Interval:
    """The share of right answers over runs, with an interval that resamples the questions, which the runs share."""
    found = mean_of_shares(np.mean([[int(one) for one in row[name]] for row in rows], axis=0).tolist())
    assert found is not None
    return found


def _gain(pairs: Sequence[tuple[Row, Row]], name: str, when: tuple[str, str]) -> str:
    """The gain of each pair's second run over its first, in percentage points, as a mean over the pairs.

    Args:
        pairs: two runs each, on the same questions.
        name: the set of questions.
        when: the moment of the first and of the second run that counts.
    """
    of = [
        [[int(one) for one in run[f"{name}.{at}.right"]] for run, at in zip(pair, when, strict=True)] for pair in pairs
    ]
    gains = np.mean([np.subtract(later, earlier) for earlier, later in of], axis=0)
    found = bootstrap((100 * gains).tolist())
    assert found is not None
    return f"{found.value:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


TABLES = {"sums": sums_table, "word_problems": word_problems_table}
"""Rung → its table."""
