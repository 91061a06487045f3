"""Makes the mix of rewards that a config names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from rewards import REWARDS, function
from rewards.context import Context
from rewards.mix import Mix
from rewards.reward import Reward


def build(
    settings: Mapping[str, Mapping[str, Any]],
    context: Context,
    mix: Mapping[str, Any] | None = None,
) -> Mix:
    """The mix, ready to be called as a TRL reward function.

    Args:
        settings: reward name → its `kind`, `function`, `verifier`, `model`, `options`, `weight` and `credit`, each
            optional.
        context: what the rewards may ask for.
        mix: settings of the mix itself: `error_budget` and the like.

    Raises:
        ValueError: `NAME: what is wrong`, for an unknown function, verifier or option.
    """
    rewards: list[Reward] = []
    for name, given in settings.items():
        try:
            if given.get("function"):
                rewards.append(function.build(name, given["function"], given.get("options", {})))
            else:
                module = importlib.import_module(REWARDS[given.get("kind") or name])
                rewards.append(module.build(name, given, context))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    weights = {name: given.get("weight", 1.0) for name, given in settings.items()}
    credits = {name: given["credit"] for name, given in settings.items() if given.get("credit")}
    return Mix(rewards, weights, credits, (mix or {}).get("error_budget", 0.2))
