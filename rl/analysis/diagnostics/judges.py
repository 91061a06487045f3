"""The verifier or a reward fails, or abstains more and more."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

FAILED = 0.05
RISE = 0.1
MOST = 0.5
"""Share of abstentions that is too high from the start."""


def look(record: Record) -> Finding | None:
    """Look at the shares of failures and abstentions of the verifier and each reward, the worst first."""
    prefixes = {"the verifier": "completions", **{f"reward {n!r}": f"rewards/{n}" for n in record.rewards}}
    failed = {who: record.mean(f"{prefix}/failed") or 0.0 for who, prefix in prefixes.items()}
    worst = max(failed, key=lambda who: failed[who])
    if failed[worst] >= FAILED:
        return Finding(
            "judges",
            record.step,
            f"{_capital(worst)} failed on {failed[worst]:.0%} of the last completions, which do not count.",
            "see the run's first warning and the completions for the reason; fix it, or give it more time",
            {"failed": failed[worst]},
        )
    abstained = {who: record.mean(f"{prefix}/abstained") or 0.0 for who, prefix in prefixes.items()}
    rose = {who: share - _at_first(record, prefixes[who], share) for who, share in abstained.items()}
    worst = max(abstained, key=lambda who: (abstained[who] >= MOST, rose[who]))
    if abstained[worst] < MOST and rose[worst] < RISE:
        return None
    return Finding(
        "judges",
        record.step,
        f"{_capital(worst)} abstained from {abstained[worst]:.0%} of the last completions "
        f"({abstained[worst] - rose[worst]:.0%} at first).",
        "read completions that it abstains from: it cannot read their answers (whetstone verify --self-check), or the "
        "policy has learnt to write what it does not judge",
        {"abstained": abstained[worst], "rise": rose[worst]},
    )


def _at_first(record: Record, prefix: str, now: float) -> float:
    first = record.start(f"{prefix}/abstained")
    return now if first is None else first


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
