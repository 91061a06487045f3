"""PPO's critic explains none of the variance of the returns, so it is useless as a baseline."""

from __future__ import annotations

from rl.analysis.diagnostics.record import Finding, Record

EXPLAINED = 0.05
LINES = 10
AFTER = 20
"""Number of log lines that a critic is given to learn."""


def look(record: Record) -> Finding | None:
    """Look at the explained variance over the last log lines in which returns differ."""
    explained, spread = record.values("critic/explained_variance"), record.values("ppo/returns_std")
    if len(explained) < AFTER or len(spread) != len(explained):
        return None
    told = [value for value, std in zip(explained[-LINES:], spread[-LINES:], strict=True) if std > 1e-6]
    if len(told) < LINES or sum(told) / LINES > EXPLAINED:
        return None
    mean = sum(told) / LINES
    return Finding(
        "useless_critic",
        record.step,
        f"The critic explains {max(mean, -9.99):.0%} of the variance of the returns after {len(explained)} log lines.",
        "raise algorithm.critic.learning_rate and algorithm.critic.epochs, set algorithm.critic.warm_up_cycles so that "
        "it learns first, or use GRPO, which needs no critic",
        {"explained_variance": mean},
    )
