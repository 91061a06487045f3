"""Whetstone's reward modules: each scores completions, and each is also a plain TRL reward function.

To add one to the package: write `rewards/NAME.py` with a `Reward` and a `build`, and name it in `REWARDS`. To use one
of your own without touching the package, name a function in the config: `mine: {function: my_rewards:brevity}`.

`rewards.score(completions, rewards)` scores saved completions without any training.
"""

from typing import Any

from whetstone_rl import check_packages

check_packages()

REWARDS = {
    "correctness": "rewards.correctness",
    "consistency": "rewards.consistency",
    "steps": "rewards.steps",
    "diversity": "rewards.diversity",
    "format": "rewards.format",
    "judge": "rewards.judge",
    "length": "rewards.length",
    "likelihood_gain": "rewards.likelihood_gain",
    "self_feedback": "rewards.self_feedback",
    "outcome": "rewards.outcome",
    "plausibility": "rewards.plausibility",
    "reader": "rewards.reader",
    "repetition": "rewards.repetition",
    "process": "rewards.process",
    "teacher": "rewards.teacher",
}
"""Name in a config → the module whose `build(name, settings, context)` makes the reward."""
GIVE_STEPS = ("correctness", "plausibility", "process", "steps")
"""Those that may give step scores, so that `credit` makes sense; whether one does is up to its verifier."""
GIVE_TOKENS = ("teacher",)
"""Those that score each token, for `credit: token`."""


def __getattr__(name: str) -> Any:
    """`score`, looked up when it is asked for: its table needs pandas, which a config check need not wait for."""
    if name == "score":
        from rewards.prototyping.score import score

        return score
    raise AttributeError(f"module 'rewards' has no attribute {name!r}")
