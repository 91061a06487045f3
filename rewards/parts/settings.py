"""Checks of a reward's section of the config, shared by the modules that build rewards."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from verifiers.runtime.names import nearest

KEYS = ("kind", "function", "verifier", "model", "options", "weight", "credit")
"""What the config says of one reward."""
STEP_RULES = ("sum", "min", "first_error")
"""How step scores may count inside a completion (`rl/credit/steps.py`)."""
TOKEN_RULE = "token"
"""How token scores count: each for its own token (`rl/credit/token_rewards.py`)."""


def options_of(settings: Mapping[str, Any], valid: Collection[str], reads: Collection[str] = ()) -> dict[str, Any]:
    """The `options` of a reward, all of them known.

    Args:
        settings: the reward's part of the config.
        valid: names of its options.
        reads: which of `verifier` and `model` it reads.

    Raises:
        ValueError: an option that it does not have, or a `verifier` or `model` that it would ignore.
    """
    for key in ("verifier", "model"):
        if settings.get(key) is not None and key not in reads:
            raise ValueError(f"reads no {key}; leave {key}: out")
    options = dict(settings.get("options") or {})
    for option in options:
        if option not in valid:
            raise ValueError(f"no option {option!r}; {nearest(str(option), valid)}")
    return options


def one_of(name: str, value: Any, valid: Collection[str]) -> str:
    """The value, where it is a valid one.

    Args:
        name: of the option, for the message.
        value: what the config says.
        valid: the values that it may have.

    Raises:
        ValueError: it is not; the message names the nearest.
    """
    if value not in valid:
        raise ValueError(f"{name}: {value!r} is not one; {nearest(str(value), valid)}")
    return value


def number(name: str, value: Any, *, least: float = -math.inf, above: float = -math.inf) -> float:
    """The value as a finite number.

    Args:
        name: of the option, for the message.
        value: what the config says.
        least: the least it may be.
        above: what it must be more than.

    Raises:
        ValueError: it is no number, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a number, got {value!r}")
    if value < least or value <= above:
        raise ValueError(
            f"{name}: {value} is too small; it is {f'at least {least:g}' if value < least else f'more than {above:g}'}"
        )
    return float(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """The value as a whole number of at least `least`.

    Args:
        name: of the option, for the message.
        value: what the config says.
        least: the least it may be.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: expected a whole number of at least {least}, got {value!r}")
    return value
