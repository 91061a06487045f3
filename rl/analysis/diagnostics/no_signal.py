"""The completions of nearly every group earn the same reward, so that there is nothing to learn from."""

from __future__ import annotations

from rl.analysis.diagnostics.record import WINDOW, Finding, Record

SHARE = 0.9
EQUAL = 1e-6
"""A standard deviation of the reward over a whole draw that counts as zero."""
SOLVED = 0.9
HARDER = "use harder problems (algorithm.curriculum chooses among those you have), or end this training"
EASIER = (
    "use easier problems, SFT on worked solutions first, a reward for steps, more sampling.completions, or "
    "algorithm.dynamic_sampling"
)


def look(record: Record) -> Finding | None:
    """Look at the share of groups whose completions all earn the same reward.

    PPO's baseline is its critic, so there the whole draw must earn the same. Groups that have become all right are the
    aim of training and raise no warning.
    """
    share = _without_signal(record)
    if share is None or share < SHARE:
        return None
    right = record.mean("completions/right", least=1)
    if right is None:
        which, remedy = "", EASIER
    elif right >= SOLVED:
        first = record.values("completions/right")[:WINDOW]
        if sum(first) / len(first) < SOLVED:
            return None
        which, remedy = f", and {right:.0%} of the completions are right", HARDER
    else:
        which, remedy = f", and {right:.0%} of the completions are right", EASIER
    what = "the completions of a draw" if record.algorithm == "ppo" else "the completions of a group"
    return Finding(
        "no_signal",
        record.step,
        f"In {share:.0%} of the cases {what} all earn the same reward{which}: they teach nothing.",
        remedy,
        {"share": share} | ({} if right is None else {"right": right}),
    )


def _without_signal(record: Record) -> float | None:
    if record.algorithm == "ppo":
        spread = record.values("reward_std")[-WINDOW:]
        return sum(one <= EQUAL for one in spread) / WINDOW if len(spread) == WINDOW else None
    shares = [record.mean(f"rewards/{name}/no_signal") for name in record.rewards]
    known = [share for share in (record.mean("frac_reward_zero_std"), *shares) if share is not None]
    return min(known) if record.values("frac_reward_zero_std") and known else None
