"""The policy no longer explores, and the problems are not solved."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

SHARE = 0.1
"""Share of the entropy at the start below which it has collapsed."""
FLOOR = 0.02
"""Entropy in nats per token below which there is hardly any, whatever it was at the start."""
SOLVED = 0.9
"""Share of right completions above which there is nothing left to explore."""


def look(record: Record) -> Finding | None:
    """Compare the entropy of the first and the last log lines."""
    before, after, right = record.start("entropy"), record.mean("entropy"), record.mean("completions/right")
    if before is None or after is None or (right is not None and right >= SOLVED):
        return None
    if after >= max(SHARE * before, FLOOR):
        return None
    return Finding(
        "entropy_collapse",
        record.step,
        f"The policy's entropy is {after:.3g} nats per token ({before:.3g} at first): it hardly explores any more.",
        "go back to an earlier checkpoint with a lower trainer.learning_rate or a KL term (trainer.beta); raise "
        "sampling.temperature if it is below 1",
        {"before": before, "after": after},
    )
