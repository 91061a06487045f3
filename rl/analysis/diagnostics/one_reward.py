"""One of several rewards makes nearly all of the advantage, so that the others hardly count."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

SHARE = 0.95
LINES = 10


def look(record: Record) -> Finding | None:
    """Look at each reward's share of the advantage's variance over the last `LINES` log lines."""
    names = record.rewards
    shares = {name: record.mean(f"rewards/{name}/variance_share", LINES) for name in names}
    if len(names) < 2 or any(share is None for share in shares.values()):
        return None
    most = max(names, key=lambda name: shares[name] or 0.0)
    share = shares[most] or 0.0
    if share < SHARE:
        return None
    others = ", ".join(repr(name) for name in names if name != most)
    return Finding(
        "one_reward",
        record.step,
        f"Reward {most!r} makes {share:.0%} of the variance of the advantage, so {others} hardly count.",
        f"lower rewards.{most}.weight, or set mix.aggregation: normalise_then_sum, which brings them to one scale; "
        f"leave out rewards that should not count",
        {"variance_share": share},
    )
