"""Checks of a reward's section of the config, for the modules that build rewards."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from verifiers.runtime.names import nearest

KEYS = ("kind", "function", "verifier", "model", "options", "weight", "credit", "credit_on")
"""Keys of a reward's section of the config."""
CREDIT_ON = ("completion", "rationale")
"""The part of a completion that a reward is credited to."""
STEP_RULES = ("sum", "min", "first_error")
"""Rules by which step scores count within a completion (`rl/credit/steps.py`)."""
TOKEN_RULE = "token"
"""The rule by which token scores count, each for its own token (`rl/credit/token_rewards.py`)."""


def options_of(settings: Mapping[str, Any], valid: Collection[str], reads: Collection[str] = ()) -> dict[str, Any]:
    """The `options` of a reward, after checking that all are known.

    Args:
        settings: the reward's section of the config.
        valid: names of its options.
        reads: which of `verifier` and `model` the reward uses.

    Raises:
        ValueError: an option is unknown, or a `verifier` or `model` is given that the reward would ignore.
    """
    for key in ("verifier", "model"):
        if settings.get(key) is not None and key not in reads:
            raise ValueError(f"this reward uses no {key}; leave {key}: out")
    options = dict(settings.get("options") or {})
    for option in options:
        if option not in valid:
            raise ValueError(f"there is no option {option!r}; {nearest(str(option), valid)}")
    return options


def one_of(name: str, value: Any, valid: Collection[str]) -> str:
    """Check that a value is one of the valid ones, and return it.

    Args:
        name: name of the option, for the message.
        value: the value in the config.
        valid: the valid values.

    Raises:
        ValueError: the value is not valid; the message names the nearest valid one.
    """
    if value not in valid:
        raise ValueError(f"{name}: {value!r} is not one; {nearest(str(value), valid)}")
    return value


def number(name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf) -> float:
    """The value as a finite number.

    Args:
        name: name of the option, for the message.
        value: the value in the config.
        least: smallest valid value.
        above: lower bound that the value must exceed.

    Raises:
        ValueError: the value is not a number, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a number, got {value!r}")
    if value < least or value <= above:
        raise ValueError(
            f"{name}: expected {f'at least {least:g}' if value < least else f'more than {above:g}'}, got {value}"
        )
    return float(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """The value as a whole number of at least `least`.

    Args:
        name: name of the option, for the message.
        value: the value in the config.
        least: smallest valid value.

    Raises:
        ValueError: the value is not such a number.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return value
