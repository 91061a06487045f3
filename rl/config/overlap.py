"""What cannot be combined with `algorithm.overlap`, which judges a batch while the policy goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewards import ASK_THE_POLICY
from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config
    from rl.config.algorithms import Online

KEY = "algorithm.overlap"


def check_overlap(config: Config, algorithm: Online) -> None:
    """Check that nothing needs the rewards before the next draw, or the policy for the rewards.

    Args:
        config: the config.
        algorithm: its `algorithm`.

    Raises:
        WrongKey: something does.
    """
    if algorithm.dynamic_sampling is not None:
        raise WrongKey(
            KEY,
            "dynamic_sampling draws again according to the rewards, so it must wait for them; leave out one of both",
        )
    if algorithm.answering is not None:
        raise WrongKey(
            KEY,
            "answering learns from completions of the current policy, and no ratio corrects for those of an older one; "
            "leave out one of both",
        )
    for name, reward in config.rewards.items():
        if (reward.kind or name) in ASK_THE_POLICY and reward.function is None:
            asks = "asks the policy"
        elif reward.model in ("policy", "base"):
            asks = f"asks the policy (model: {reward.model})"
        else:
            continue
        raise WrongKey(KEY, f"rewards.{name} {asks}, which learns while a batch is judged; leave out one of both")
