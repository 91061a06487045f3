"""Makes the mix of rewards that a config names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from rewards import REWARDS, function
from rewards.mix import Mix
from rewards.reward import Reward
from verifiers.judge import Judge


def build(settings: Mapping[str, Mapping[str, Any]], task_judge: Judge, error_budget: float = 0.2) -> Mix:
    """The mix, ready to be called as a TRL reward function.

    Args:
        settings: reward name → its `function`, `verifier`, `options` and `weight`, all but the name optional.
        task_judge: the task's own verifier, for rewards that ask one and name none.
        error_budget: as in `Mix`.

    Raises:
        ValueError: `NAME: what is wrong`, for an unknown function, verifier or option.
    """
    rewards: list[Reward] = []
    for name, given in settings.items():
        try:
            if given.get("function"):
                rewards.append(function.build(name, given["function"], given.get("options", {})))
            else:
                module = importlib.import_module(REWARDS[name])
                rewards.append(module.build(name, given.get("options", {}), task_judge, given.get("verifier")))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return Mix(rewards, {name: given.get("weight", 1.0) for name, given in settings.items()}, error_budget)
