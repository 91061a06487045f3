"""Completions begin to repeat themselves."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

SHARE = 0.2
RISE = 0.1


def look(record: Record) -> Finding | None:
    """Compare the share of repeated 4-grams of the first and the last log lines."""
    name = "completions/repetition"
    before, after = record.start(name), record.mean(name)
    if before is None or after is None or after < SHARE or after - before < RISE:
        return None
    return Finding(
        "repetition",
        record.step,
        f"{after:.0%} of a completion's 4-grams repeat an earlier one, up from {before:.0%} at first.",
        "some reward pays for length or for words: gate it by the answer, add the repetition reward, or lower "
        "sampling.max_tokens",
        {"before": before, "after": after},
    )
