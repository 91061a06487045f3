"""Reward modules: each scores completions, and each is also a plain TRL reward function.

To add one to the package: write `rewards/NAME.py` with a `Reward` and a `build`, and name it in `REWARDS`. To use one
of your own without touching the package, name a function in the config: `mine: {function: my_rewards:brevity}`.
"""

REWARDS = {
    "correctness": "rewards.correctness",
}
"""Name in a config → the module whose `build(name, settings, context)` makes the reward."""
