"""The tables of docs/papers.md: the arms of each recipe."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from harness import NOTHING, ROOT, Row, Table
from pooling import pooled

from rl.analysis.rl_star import enumerate_rounds, informed, theory_delta
from rl.config import load
from rl.config.layers import arms

PAPERS = {file.stem: file for file in sorted((ROOT / "configs" / "papers").glob("*.yaml")) if arms(file)}
"""The recipes: name → the config, which has arms."""
SAMPLED = {"on_policy_distillation": "teacher's tokens", "self_distillation": "tokens drawn"}
"""Recipes whose arms are compared by what they sample for training → what its tokens are called."""


def of_recipe(name: str, rows: Sequence[Row]) -> Table:
    """The table of a recipe: that of rounds for those whose point is in them.

    Args:
        name: the recipe.
        rows: its rows, in any order of arms; the table has that of the config.
    """
    order = list(arms(PAPERS[name]))
    rows = sorted(rows, key=lambda row: order.index(row["arm"]))
    if name in SAMPLED:
        return papers(rows, SAMPLED[name])
    tables = {"rl_star": rl_star, "star": loops, "sipf": loops, "teaching_arithmetic": stages, "sgft": guides}
    return tables.get(name, papers)(rows)


def papers(rows: Sequence[Row], sampled: str | None = None) -> Table:
    """The arms of a recipe: means over seeds, Wilson's interval over the problems of all seeds, and each seed.

    Args:
        rows: its rows.
        sampled: a heading for the number of tokens sampled for training; None for no such column.
    """
    if any("after.rectified" in row for row in rows):
        return _from_statements(rows)
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        before, after = ([row[f"{when}.greedy"] for row in own] for when in ("before", "after"))
        lines.append(
            [
                arm,
                f"{statistics.mean(before):.3f}",
                pooled(own, "after.greedy"),
                ", ".join(f"{value:.3f}" for value in after),
                _mean(own, "after.mean_at_k"),
                _mean(own, "after.mean_length", ".1f"),
                *([] if sampled is None else [_mean(own, "sampled", ",.0f")]),
            ]
        )
    header = ["arm", "before", "after, greedy", "each seed", "after, sampled", "tokens"]
    header += [] if sampled is None else [sampled]
    return Table(header, lines or [["not measured yet", *[NOTHING] * (len(header) - 1)]])


def rl_star(rows: Sequence[Row]) -> Table:
    """The arms of RL-STaR round by round: the exact enumeration where it holds, and the mean over seeds of samples."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        config = load(PAPERS["rl_star"], arms(PAPERS["rl_star"])[arm])
        assert config.task.name == "zip"
        states, markov = 4**config.task.bits, config.policy.attention == "current_token"
        deltas = [theory_delta(delta, states) for delta in config.task.deltas]
        exact = enumerate_rounds(informed(deltas, states), len(own[0]["rounds.right"]))
        right = [statistics.mean(of) for of in zip(*(row["rounds.right"] for row in own), strict=True)]
        wrong = [statistics.mean(of) for of in zip(*(row["rounds.right_by_wrong_steps"] for row in own), strict=True)]
        lines.append(
            [
                arm,
                str(len(own)),
                _series([one.right for one in exact]) if markov and config.sampling.temperature == 1 else NOTHING,
                _series(right),
                _series([1 - share for share in wrong]),
            ]
        )
    lines = lines or [["not measured yet", *[NOTHING] * 4]]
    header = ["arm", "seeds", "expected, by round", "right answers, by round", "of these by right chains, by round"]
    return Table(header, lines)


def loops(rows: Sequence[Row]) -> Table:
    """The arms of a recipe in rounds: accuracy with Wilson's interval, and how much of it is by wrong steps."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        cells = [pooled(own, f"after.{name}") for name in ("greedy", "chain")]
        by_wrong = statistics.mean(row["after.greedy"] - row["after.chain"] for row in own)
        before = f"{_mean(own, 'before.greedy')}, {_mean(own, 'before.chain')}"
        seeds = ", ".join(f"{row['after.chain']:.3f}" for row in own)
        lines.append([arm, before, *cells, seeds, f"{by_wrong:.3f}"])
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    header = [
        "arm",
        "before: greedy, chain",
        "after, greedy",
        "after, chain",
        "chain, each seed",
        "right by wrong steps",
    ]
    return Table(header, lines)


def stages(rows: Sequence[Row]) -> Table:
    """The arms of a recipe that imitates and then reinforces: accuracy after each, with Wilson's interval."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        seeds = (", ".join(f"{row[f'{when}.greedy']:.3f}" for row in own) for when in ("between", "after"))
        imitated, reinforced = (pooled(own, f"{when}.greedy") for when in ("between", "after"))
        of_each, then = seeds
        lines.append([arm, imitated, of_each, reinforced, then, _mean(own, "after.mean_length", ".1f")])
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    return Table(["arm", "after SFT", "each seed", "after SFT and RL", "each seed", "tokens"], lines)


def guides(rows: Sequence[Row]) -> Table:
    """The arms of a recipe whose policy guides a frozen solver: the solver's accuracy alone and guided."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        lines.append(
            [
                arm,
                _mean(own, "stages.solver"),
                _mean(own, "before.rewards/solver"),
                pooled(own, "after.rewards/solver"),
                ", ".join(f"{row['after.rewards/solver']:.3f}" for row in own),
                _mean(own, "after.greedy"),
            ]
        )
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    header = ["arm", "solver alone", "guided, before", "guided, after", "each seed", "the guide's own answers"]
    return Table(header, lines)


def _from_statements(rows: Sequence[Row]) -> Table:
    """The arms of a recipe whose problems are answered from statements: Wilson's interval, and means over seeds."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        seeds = [row["after.with_statement"] for row in own]
        lines.append(
            [
                arm,
                pooled(own, "after.with_statement"),
                ", ".join(f"{value:.3f}" for value in seeds),
                *(
                    f"{_mean(own, f'before.{name}', form)} → {_mean(own, f'after.{name}', form)}"
                    for name, form in (
                        ("with_statement", ".3f"),
                        ("without_statement", ".3f"),
                        ("rectified", "+.3f"),
                        ("margin_without", "+.2f"),
                    )
                ),
                _mean(own, "after.with_best_statement"),
            ]
        )
    measured = ["with", "without", "with minus without", "margin without, nats", "several and none"]
    return Table(["arm", "after, with its statement", "each seed", *measured], lines)


def _series(values: Sequence[float]) -> str:
    return " · ".join(f"{value:.3f}" for value in values)


def _mean(rows: Sequence[Row], name: str, form: str = ".3f") -> str:
    values = [row[name] for row in rows if name in row]
    return format(statistics.mean(values), form) if values else NOTHING
