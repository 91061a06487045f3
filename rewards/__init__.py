"""Whetstone's reward modules. Each scores completions, and is also a plain TRL reward function.

To add a module to the package, write `rewards/NAME.py` with a `Reward` and a `build`, and add it to `REWARDS`. To use a
reward of your own without changing the package, name a function in the config: `mine: {function: my_rewards:brevity}`.

`rewards.score(completions, rewards)` scores saved completions without training.
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
"""Rewards that can give step scores, for `credit`; for some it depends on the verifier."""
GIVE_TOKENS = ("teacher",)
"""Rewards that score each token, for `credit: token`."""
ASK_THE_POLICY = ("self_feedback", "teacher")
"""Rewards that ask the policy in training, whatever their `model`."""


def __getattr__(name: str) -> Any:
    """Import `score` when it is first used, because it needs pandas, which a config check does not."""
    if name == "score":
        from rewards.prototyping.score import score

        return score
    raise AttributeError(f"module 'rewards' has no attribute {name!r}")
