"""Counts, from the runs that `bench/diagnostics.py` keeps, how often diagnostics and preflight are right."""

from __future__ import annotations

import gzip
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnostic_kinds import BY_NAME
from harness import Row, Table

from rl.analysis import hacking
from rl.analysis.diagnostics.record import Finding
from rl.analysis.diagnostics.registry import EVERY
from rl.analysis.diagnostics.watch import replayed
from rl.analysis.preflight.drawn import Drawn
from rl.analysis.preflight.findings import LEARNS, Findings, findings
from rl.analysis.preflight.verdict import verdict

RUNS = Path(__file__).parent / "diagnostics_runs.jsonl.gz"
WORDS = ("will learn", "doubtful", "will not learn")
HALVES = {"looked at": 0, "held out": 1}
"""Half of the runs → the remainder of its seeds by two. Thresholds were looked at on the first half alone."""


def recorded() -> list[Row]:
    """The kept runs."""
    if not RUNS.exists():
        return []
    with gzip.open(RUNS, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def log_lines(columns: Mapping[str, Sequence[Any]]) -> Iterator[Row]:
    """A run's log lines; that of an evaluation has one of its metrics, by which diagnostics know it."""
    for values in zip(*columns.values(), strict=True):
        row = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        split = row.pop("eval", None)
        yield row if split is None else row | {f"eval/{split}/greedy": math.nan}


def found(run: Row) -> list[Finding]:
    """What the diagnostics say of a kept run.

    Raises:
        AssertionError: one of them broke.
    """
    watch = replayed(list(log_lines(run["metrics"])), run["evaluations"], run["config"])
    assert not watch.broken, watch.broken
    return watch.findings


def foreseen(run: Row) -> Findings:
    """Preflight's findings of a kept run."""
    groups = [[Drawn(*one) for one in group] for group in run["groups"]]
    learns = LEARNS.get(run["config"]["algorithm"]["name"], "from groups")
    return findings(groups, [Drawn(*one) for one in run["greedy"]], learns)


def learnt(run: Row) -> bool:
    """Whether greedy accuracy on test rose beyond its noise; a run that broke off has not learnt."""
    changes = hacking.found([], run["evaluations"], run["config"]).accuracies
    return run["ended"] == "finished" and any(change.name == "greedy" and change.rose for change in changes)


def count_diagnostics(runs: Sequence[Row]) -> list[Row]:
    """A row for each half and diagnostic: detection and delay where it was meant to speak, alarms on healthy runs."""
    said = {(run["kind"], run["seed"]): {finding.name: finding.step for finding in found(run)} for run in runs}
    rows = []
    for half, remainder in HALVES.items():
        mine = [run for run in runs if run["seed"] % 2 == remainder]
        healthy = [said[run["kind"], run["seed"]] for run in mine if not BY_NAME[run["kind"]].fault and learnt(run)]
        for name in EVERY:
            meant = [said[run["kind"], run["seed"]] for run in mine if name in BY_NAME[run["kind"]].shown_by]
            steps = [findings[name] for findings in meant if name in findings]
            row = {"half": half, "diagnostic": name, "made": len(meant), "detected": len(steps)}
            row |= {"median_step": statistics.median(steps), "last_step": max(steps)} if steps else {}
            rows.append(row | {"healthy": len(healthy), "false_alarms": sum(name in one for one in healthy)})
    return rows


def count_faults(runs: Sequence[Row]) -> list[Row]:
    """A row for each way to set up a run: what diagnostics and preflight said of its runs, and how many learnt."""
    rows = []
    for kind in dict.fromkeys(run["kind"] for run in runs):
        mine = [run for run in runs if run["kind"] == kind]
        words = [verdict(foreseen(run), error_budget=0.2).word for run in mine]
        names = [finding.name for run in mine for finding in found(run)]
        row = {"kind": kind, "fault": BY_NAME[kind].fault, "runs": len(mine), "learnt": sum(map(learnt, mine))}
        row |= {word: words.count(word) for word in WORDS}
        said = [f"{name} {names.count(name)}" for name in sorted(set(names), key=lambda n: (-names.count(n), n))]
        rows.append(row | {"said": ", ".join(said)})
    return sorted(rows, key=lambda row: list(BY_NAME).index(row["kind"]))


def count_verdicts(runs: Sequence[Row]) -> list[Row]:
    """A row for each half and verdict: how many runs it was said of, and how many of those learnt."""
    rows = []
    for half, remainder in HALVES.items():
        mine = [run for run in runs if run["seed"] % 2 == remainder]
        words = [verdict(foreseen(run), error_budget=0.2).word for run in mine]
        for word in WORDS:
            said = [run for run, one in zip(mine, words, strict=True) if one == word]
            rows.append({"half": half, "verdict": word, "runs": len(said), "learnt": sum(map(learnt, said))})
    return rows


def diagnostics_table(rows: Sequence[Row]) -> Table:
    """Each diagnostic's detection in both halves, its delay, and its false alarms."""
    header = ["diagnostic", *(f"detected, {half}" for half in HALVES), "step, median and last", "false alarms"]
    lines = []
    for name in EVERY:
        of = {row["half"]: row for row in rows if row["diagnostic"] == name}
        made = [f"{row['detected']} of {row['made']}" if row["made"] else "not made" for row in of.values()]
        late = [f"{row['median_step']:g}, {row['last_step']}" for row in of.values() if "median_step" in row]
        alarms = sum(row["false_alarms"] for row in of.values())
        healthy = sum(row["healthy"] for row in of.values())
        lines.append([f"`{name}`", *made, " · ".join(late) or "–", f"{alarms} of {healthy}"])
    return Table(header, lines)


def faults_table(rows: Sequence[Row]) -> Table:
    """What was said of each way to set up a run, and of all runs together."""

    def said(row: Row) -> str:
        return ", ".join(f"{word} {row[word]}" for word in WORDS if row[word])

    total: Row = {name: sum(row[name] for row in rows) for name in ("runs", "learnt", *WORDS)}
    return Table(
        ["what is wrong", "runs", "learnt", "preflight", "diagnostics, and in how many runs"],
        [
            *(
                [
                    row["fault"] or f"nothing (`{row['kind']}`)",
                    str(row["runs"]),
                    str(row["learnt"]),
                    said(row),
                    row["said"].replace("_", " ") or "–",
                ]
                for row in rows
            ),
            ["all", str(total["runs"]), str(total["learnt"]), said(total), ""],
        ],
    )


def verdicts_table(rows: Sequence[Row]) -> Table:
    """What became of the runs of which each verdict was said."""
    return Table(
        ["verdict", *(f"learnt, {half}" for half in HALVES)],
        [[word, *(f"{row['learnt']} of {row['runs']}" for row in rows if row["verdict"] == word)] for word in WORDS],
    )
