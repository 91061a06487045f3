"""The reward rises but held-out accuracy does not (`rl/analysis/hacking.py`)."""

from __future__ import annotations

from rl.analysis import hacking
from rl.analysis.diagnostics.record import Finding, Record

REMEDY = (
    "read the completions; lower the weight of the reward that rose, or let it count for right answers alone "
    "(mix.aggregation: gated); if the rewards are right, the policy memorises the train problems and needs more of them"
)


def look(record: Record) -> Finding | None:
    """Compare rewards and accuracy so far; neither greedy nor sampled accuracy may have risen."""
    compared = hacking.found(record.rows, record.evaluations, record.config)
    if compared.gamed is None or compared.mix is None or any(change.rose for change in compared.accuracies):
        return None
    evidence = {"reward.before": compared.mix.before, "reward.after": compared.mix.after}
    for change in compared.accuracies:
        evidence |= {f"{change.name}.before": change.before, f"{change.name}.after": change.after}
    return Finding("gamed_reward", record.step, compared.gamed, REMEDY, evidence)
