"""All diagnostics. To add one, write its module next to this one, and list it here."""

from __future__ import annotations

from collections.abc import Callable

from rl.analysis.diagnostics import (
    both_fall,
    divergence,
    entropy_collapse,
    gamed_reward,
    judges,
    length_drift,
    no_signal,
    one_reward,
    repetition,
    sampler_mismatch,
    truncation,
    useless_critic,
    wrong_chains,
)
from rl.analysis.diagnostics.record import Finding, Record

Look = Callable[[Record], Finding | None]

AT_EVALUATIONS: dict[str, Look] = {"gamed_reward": gamed_reward.look, "wrong_chains": wrong_chains.look}
"""Name → a diagnostic that runs after each evaluation, since it reads the whole record."""
AT_LOG_LINES: dict[str, Look] = {
    "no_signal": no_signal.look,
    "truncation": truncation.look,
    "judges": judges.look,
    "one_reward": one_reward.look,
    "length_drift": length_drift.look,
    "repetition": repetition.look,
    "entropy_collapse": entropy_collapse.look,
    "divergence": divergence.look,
    "both_fall": both_fall.look,
    "useless_critic": useless_critic.look,
    "sampler_mismatch": sampler_mismatch.look,
}
"""Name → a diagnostic that runs after each log line, since it reads only the ends of a few metrics."""
EVERY = {**AT_EVALUATIONS, **AT_LOG_LINES}
