"""Makes the mix of rewards that a config names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from rewards import REWARDS
from rewards.building import function
from rewards.mixing import schedule
from rewards.mixing.mix import Mix
from rewards.parts.context import Context
from rewards.parts.rationale import RationaleLayout, layout
from rewards.parts.settings import CREDIT_ON, KEYS, STEP_RULES, TOKEN_RULE, one_of
from rewards.reward import Reward
from verifiers.runtime.names import nearest

TAKEN = ("step", "prompt", "completion", "reward", "advantage", "mix")
"""Columns of a run's tables of completions that do not belong to a reward."""
MIX_KEYS = ("aggregation", "gate", "gate_at", "error_budget", "timeout")
"""Keys of the settings of the mix."""


def build(
    settings: Mapping[str, Mapping[str, Any]],
    context: Context,
    mix: Mapping[str, Any] | None = None,
) -> Mix:
    """Make the mix, which can be called as a TRL reward function.

    Args:
        settings: reward name → its `kind`, `function`, `verifier`, `model`, `options`, `weight`, `credit` and
            `credit_on`, each optional. A `function` is a name, as in a config, or the function itself, or a `Reward`.
        context: the context of the rewards.
        mix: settings of the mix: `aggregation`, `gate`, `gate_at`, `error_budget`, `timeout`.

    Raises:
        ValueError: `NAME: what is wrong`, for an unknown reward, key, function, verifier or option, an invalid weight,
            or credit for a reward without step scores; `mix: …` for the settings of the mix.
    """
    rewards: list[Reward] = []
    for name, given in settings.items():
        try:
            rewards.append(_reward(name, given, context))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    weights = {name: given.get("weight", 1.0) for name, given in settings.items()}
    credits = {name: given["credit"] for name, given in settings.items() if given.get("credit")}
    rationales = {
        reward.name: _layout(reward, context)
        for reward, given in zip(rewards, settings.values(), strict=True)
        if given.get("credit_on") == "rationale"
    }
    for key in mix or {}:
        if key not in MIX_KEYS:
            raise ValueError(f"mix: unknown key {key!r}; {nearest(key, MIX_KEYS)}")
    try:
        return Mix(rewards, weights, credits, rationales=rationales, **(mix or {}))
    except ValueError as error:
        raise ValueError(f"mix: {error}") from error


def _reward(name: str, given: Mapping[str, Any], context: Context) -> Reward:
    if name in TAKEN:
        raise ValueError("tables of completions have a column of that name; give the reward another one")
    for key in given:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}; {nearest(key, KEYS)}")
    schedule.checked(given.get("weight", 1.0))
    if given.get("function"):
        for key in ("kind", "verifier", "model"):
            if given.get(key) is not None:
                raise ValueError(f"a function reads no {key}; leave {key}: out, or give it as one of the options")
        reward: Reward = function.build(name, given["function"], given.get("options") or {})
    else:
        kind = given.get("kind") or name
        if kind not in REWARDS:
            raise ValueError(f"no reward is named {kind!r}; {nearest(kind, REWARDS)}")
        reward = importlib.import_module(REWARDS[kind]).build(name, given, context)
    if given.get("credit"):
        rules = (STEP_RULES if reward.judges_steps else ()) + ((TOKEN_RULE,) if reward.judges_tokens else ())
        if not rules:
            raise ValueError("credit: it gives no step scores, so there is nothing to credit inside a completion")
        one_of("credit", given["credit"], rules)
    if one_of("credit_on", given.get("credit_on") or "completion", CREDIT_ON) == "rationale":
        if given.get("credit"):
            raise ValueError("credit_on: the rule of credit: says where its scores count; leave one of the two out")
        if _layout(reward, context).marker is None:
            raise ValueError("credit_on: with marker: null the whole completion is rationale; leave credit_on out")
    return reward


def _layout(reward: Reward, context: Context) -> RationaleLayout:
    """How a completion is split for a reward: as its options say, or else as the task does it."""
    own = getattr(reward, "layout", None)
    return own if isinstance(own, RationaleLayout) else layout({}, context.verifier.name)
