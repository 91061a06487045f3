"""Many completions are cut off before they end, so that their answers are missing."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

SHARE = 0.2
LINES = 3


def look(record: Record) -> Finding | None:
    """Look at the share that reached `sampling.max_tokens` in the last log lines, or in the last round."""
    online, rounds = record.mean("completions/clipped_ratio", LINES), record.mean("rounds/cut_off", 1)
    share = rounds if online is None else online
    if share is None or share < SHARE:
        return None
    return Finding(
        "truncation",
        record.step,
        f"{share:.0%} of the completions reach sampling.max_tokens and are cut off before they end.",
        "raise sampling.max_tokens, ask for a shorter answer in task.template, or set sampling.stop to what ends one",
        {"share": share},
    )
