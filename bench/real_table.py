"""The tables of real models before and after training (`bench/real.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    columns = ["greedy", "gained, lost", *KINDS, "larger operands", "minutes, tokens"]
    return _by_arm(rows, columns, lambda own: _sums_of_all(own) if len(own) > 1 else _sums_of_seed(own[0]))


def _sums_of_seed(row: Row) -> list[str]:
    return [
        " → ".join(interval(row, f"{when}.greedy") for when in WHEN),
        _changed([row]),
        *(f"{row[f'kinds.{kind}.before']:.2f} → {row[f'kinds.{kind}.after']:.2f}" for kind in KINDS),
        f"{row['larger.before.greedy']:.3f} → {row['larger.after.greedy']:.3f}",
        f"{row['minutes']:.0f}, {row['tokens']:,}",
    ]


def _sums_of_all(rows: Sequence[Row]) -> list[str]:
    """An arm over all its seeds."""
    return [" → ".join(_right(rows, f"{when}.greedy", f"{when}.n") for when in WHEN), _changed(rows), *[NOTHING] * 6]


def word_problems_table(rows: Sequence[Row]) -> Table:
    """Accuracy of the base model, after SFT and after the second stage, on each seed, and over all seeds of an arm.

    The last lines compare the arms with `SFT again`, at the same questions of the same seeds.
    """
    columns = [
        "SVAMP, base",
        "SFT, then",
        "gain",
        "held out: SFT, then",
        "gain",
        *SAMPLED.values(),
        "minutes: SFT, then",
    ]
    table = _by_arm(rows, columns, _problems_of)
    lines: list[list[str]] = []
    again = {row["seed"]: row for row in rows if row["arm"] == AGAIN}
    for arm in dict.fromkeys(row["arm"] for row in rows if row["arm"] != AGAIN):
        pairs = [(again[row["seed"]], row) for row in rows if row["arm"] == arm and row["seed"] in again]
        if pairs:
            test, held_out = (_gain(pairs, name, ("after", "after")) for name in ("test", "held_out"))
            dashes = [NOTHING] * (len(SAMPLED) + 1)
            lines.append([f"{arm}, beyond {AGAIN}", "all", NOTHING, NOTHING, test, NOTHING, held_out, *dashes])
    return Table(table.header, [*table.rows, *lines])


AGAIN = "SFT again"
SAMPLED = {"mean_at_k": "mean@8", "maj_at_k": "maj@8", "pass_at_k": "pass@8", "chain": "by right equations"}
"""Figure → the head of its column, with its value after SFT and at the end."""


def _problems_of(rows: Sequence[Row]) -> list[str]:
    """The cells of an arm, for one seed or for several."""

    def greedy(name: str) -> str:
        found = (_share(rows, f"{name}.{when}.right") for when in WHEN)
        return " → ".join(f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found)

    def mean(name: str) -> float:
        return sum(row[name] for row in rows) / len(rows)

    def known(name: str) -> bool:
        return all(f"{when}.{name}" in row for row in rows for when in WHEN)

    return [
        f"{mean('base.greedy'):.3f}",
        greedy("test"),
        _gain([(row, row) for row in rows], "test", WHEN),
        greedy("held_out"),
        _gain([(row, row) for row in rows], "held_out", WHEN),
        *(" → ".join(f"{mean(f'{when}.{name}'):.3f}" for when in WHEN) if known(name) else NOTHING for name in SAMPLED),
        f"{mean('sft_minutes'):.0f}, {mean('minutes'):.0f}",
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


def deduction_table(rows: Sequence[Row]) -> Table:
    """Right answers and right proofs of the base model, after SFT and after GRPO, and the arms beside each other.

    A proof is right if its answer and every step is. The last line has what the first arm has beyond the other at the
    end, and the proofs that it has right and the other has not, and the other way round, on the same problems.
    """
    table = _by_arm(rows, ["answers: base, SFT, then", "proofs: base, SFT, then", "proofs gained, lost", *COST],
                    _deductions_of)  # fmt: skip
    by_arm = {row["arm"]: [one for one in rows if one["arm"] == row["arm"]] for row in rows}
    if len(by_arm) != 2:
        return table
    return Table(table.header, [*table.rows, _beside(*by_arm.values())])


COST = ("tokens", "minutes: SFT, then")


def _deductions_of(rows: Sequence[Row]) -> list[str]:
    """The cells of an arm, for one seed or for several."""
    return [_three(rows, "greedy"), _three(rows, "chain"), _changed(rows, "proofs."), *_cost(rows)]


def _beside(first: Sequence[Row], second: Sequence[Row]) -> list[str]:
    """A line with what one arm has beyond the other over the seeds that both have, and the proofs that differ."""
    others = {row["seed"]: row for row in second}
    both = [(row, others[row["seed"]]) for row in first if row["seed"] in others]
    pairs = [pair for of in both for pair in zip(*(row["right_proofs"] for row in of), strict=True)]
    more, fewer = pairs.count(("1", "0")), pairs.count(("0", "1"))
    beyond = [
        _spread([one[name] - other[name] for one, other in both], "+.3f") for name in ("after.greedy", "after.chain")
    ]
    name = f"{first[0]['arm']}, beyond {second[0]['arm']}"
    return [name, "all", *beyond, f"{more}, {fewer}", NOTHING, NOTHING]


def choice_table(rows: Sequence[Row]) -> Table:
    """Right answers of the base model, after SFT and after GRPO, and the mean of each reward after SFT and GRPO."""

    def cells(own: Sequence[Row]) -> list[str]:
        names = [key.split(".")[1] for key in own[0] if key.startswith("rewards.") and key.endswith(".after")]
        shown = ", ".join(" ".join([name, _then(own, f"rewards.{name}")]) for name in names)
        return [_three(own, "greedy"), _changed(own), shown, *_cost(own)]

    return _by_arm(rows, ["answers: base, SFT, then", "gained, lost", "rewards: SFT, then", *COST], cells)


def gym_table(rows: Sequence[Row]) -> Table:
    """Right answers of each task before and after, beside what the most frequent answer alone would have right."""

    def cells(own: Sequence[Row]) -> list[str]:
        first, last = (_right(own, f"{when}.greedy", f"{when}.n") for when in WHEN)
        tokens, minutes = (sum(row[name] for row in own) / len(own) for name in ("tokens", "minutes"))
        return [f"{own[0]['guessed']:.3f}", f"{first} → {last}", _changed(own), f"{minutes:.0f}, {tokens:,.0f}"]

    return _by_arm(rows, ["most frequent answer", "greedy", "gained, lost", "minutes, tokens"], cells, arm="task")


def prm_table(rows: Sequence[Row]) -> Table:
    """Right answers before and after PPO, and how well the process reward model knows held-out steps."""

    def cells(own: Sequence[Row]) -> list[str]:
        first, last = (_right(own, f"{when}.greedy", f"{when}.n") for when in WHEN)
        judged = [row for row in own if "model.step_auc" in row]
        figures = ("model.step_auc", "model.processbench.f1")
        shown = [f"{sum(row[name] for row in judged) / len(judged):.3f}" if judged else NOTHING for name in figures]
        return [f"{first} → {last}", _changed(own), *shown, f"{sum(row['minutes'] for row in own) / len(own):.0f}"]

    heads = ["greedy: SFT, then PPO", "gained, lost", "step AUC", "first wrong step, F1", "minutes"]
    return _by_arm(rows, heads, cells)


def _by_arm(
    rows: Sequence[Row], columns: Sequence[str], cells: Callable[[Sequence[Row]], list[str]], arm: str = "arm"
) -> Table:
    """A table with a line for each arm and seed, and one for each arm over all its seeds.

    Args:
        rows: the rows on record.
        columns: heads of the columns behind arm and seed.
        cells: the cells of these columns, for the row of a seed or for all rows of an arm.
        arm: the head of the first column.
    """
    lines: list[list[str]] = []
    for name in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == name]
        lines += [[name, str(row["seed"]), *cells([row])] for row in own]
        lines += [[name, "all", *cells(own)]] if len(own) > 1 else []
    return Table([arm, "seed", *columns], lines or [["not measured yet", *[NOTHING] * (len(columns) + 1)]])


def _three(rows: Sequence[Row], figure: str) -> str:
    """A share of the base model, after SFT and at the end, each with its interval."""
    base, first, last = (_right(rows, f"{when}.{figure}", f"{when}.n") for when in ("base", *WHEN))
    return f"{base}, {first} → {last}"


def _right(rows: Sequence[Row], name: str, problems: str) -> str:
    """A share of right answers: of one seed with its interval, of several as a mean with the lowest and the highest.

    The seeds draw their problems from the same test set, so their intervals cannot be pooled.

    Args:
        rows: a row for each seed.
        name: the figure.
        problems: the figure with the number of problems.
    """
    if len(rows) == 1:
        return pooled(rows, name, problems)
    return _spread([row[name] for row in rows])


def _spread(values: Sequence[float], form: str = ".3f") -> str:
    """The mean of the seeds' values, with the lowest and the highest."""
    return f"{sum(values) / len(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _then(rows: Sequence[Row], figure: str) -> str:
    """The means of a figure before and after."""
    return " → ".join(f"{sum(row[f'{figure}.{when}'] for row in rows) / len(rows):.2f}" for when in WHEN)


def _changed(rows: Sequence[Row], prefix: str = "") -> str:
    """The problems gained and lost, of one seed with McNemar's p-value."""
    gained, lost = (sum(row[f"{prefix}{name}"] for row in rows) for name in ("gained", "lost"))
    if len(rows) > 1:
        return f"{gained}, {lost}"
    p = mcnemar(gained, lost)
    return f"{gained}, {lost} (p {f'= {p:.4f}' if p >= 0.0001 else '< 0.0001'})"


def _cost(rows: Sequence[Row]) -> list[str]:
    """Tokens that were drawn for training, and the minutes of both stages."""
    taught, improved = (sum(row[name] for row in rows) / len(rows) for name in ("sft_minutes", "minutes"))
    return [f"{sum(row['sampled'] for row in rows) / len(rows):,.0f}", f"{taught:.0f}, {improved:.0f}"]


TABLES = {
    "sums": sums_table,
    "equations": word_problems_table,
    "word_problems": word_problems_table,
    "choice": choice_table,
    "deduction": deduction_table,
    "prm": prm_table,
    "gym": gym_table,
}
"""Rung → its table."""
