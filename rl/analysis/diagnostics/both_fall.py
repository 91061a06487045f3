"""In a fit on pairs, the log-probabilities of chosen and of rejected completions both fall."""

from __future__ import annotations

import statistics

from rl.analysis.diagnostics.record import WINDOW, Finding, Record

NATS = 1.0
"""Fall of the chosen log-probability, in nats: less probable by a factor of e, a completion is being unlearnt."""


def look(record: Record) -> Finding | None:
    """Compare the first and the last log lines of the current fit."""
    if record.rows[-1].get("logps/chosen") is None:
        return None
    number, rows = record.rows[-1].get("round"), []
    for row in reversed(record.rows):
        if row.get("logps/chosen") is not None and row.get("round") != number:
            break
        if row.get("logps/chosen") is not None:
            rows.append(row)
    if len(rows) < 2 * WINDOW:
        return None
    change = {
        name: statistics.fmean(row[f"logps/{name}"] for row in rows[:WINDOW])
        - statistics.fmean(row[f"logps/{name}"] for row in rows[-WINDOW:])
        for name in ("chosen", "rejected")
    }
    if change["chosen"] > -NATS or change["rejected"] >= 0:
        return None
    where = "" if number is None else f" in the fit of round {number + 1}"
    return Finding(
        "both_fall",
        record.step,
        f"The log-probability of chosen and of rejected completions both fell{where} (by {-change['chosen']:.2f} and "
        f"{-change['rejected']:.2f} nats).",
        "use a lower trainer.learning_rate, a larger trainer.beta, or algorithm.nll, which holds the chosen ones up",
        change,
    )
