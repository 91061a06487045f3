"""Answers become right and the steps that lead to them do not (`rl/analysis/hacking.py`)."""

from __future__ import annotations

from rl.analysis import hacking
from rl.analysis.diagnostics.record import Finding, Record

REMEDY = "give credit to steps (a steps or process reward with credit: first_error), or gate the answer by its steps"


def look(record: Record) -> Finding | None:
    """Compare greedy accuracy with the share that is right by right steps alone."""
    compared = hacking.found(record.rows, record.evaluations, record.config)
    if compared.by_wrong_steps is None:
        return None
    changes = {change.name: change for change in compared.accuracies}
    evidence = {
        f"{name}.{when}": getattr(changes[name], when) for name in ("greedy", "chain") for when in ("before", "after")
    }
    return Finding("wrong_chains", record.step, compared.by_wrong_steps, REMEDY, evidence)
