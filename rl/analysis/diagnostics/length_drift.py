"""Completions become much longer or shorter, and no more of them are right."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

TIMES = 1.5
"""A mean length that is larger or smaller by this factor has drifted."""
GAIN = 0.05
"""A larger rise in the share of right completions excuses any drift: longer completions then reason better."""


def look(record: Record) -> Finding | None:
    """Compare the mean lengths and the shares of right completions of the first and the last log lines."""
    name, right = "completions/mean_length", "completions/right"
    before, after = record.start(name), record.mean(name)
    if before is None or after is None or 1 / TIMES < after / before < TIMES:
        return None
    was, now = record.start(right), record.mean(right)
    if was is not None and now is not None and now - was > GAIN:
        return None
    said = "" if was is None or now is None else f", while the share of right ones went from {was:.2f} to {now:.2f}"
    longer = after > before
    return Finding(
        "length_drift",
        record.step,
        f"Completions became {'longer' if longer else 'shorter'}, from {before:.1f} to {after:.1f} tokens{said}.",
        "read the completions: some reward pays for length; gate it by the answer (mix.aggregation: gated), add a "
        "length reward, or lower trainer.learning_rate"
        if longer
        else "read the completions: a reward pays for brevity, or the policy stops before it reasons; gate that reward "
        "by the answer (mix.aggregation: gated), or lower trainer.learning_rate",
        {"before": before, "after": after},
    )
