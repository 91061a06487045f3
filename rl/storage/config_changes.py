"""What of a config may change when its run goes on: what could not have changed anything that was trained so far.

- `evaluation.*` and `logging.*`;
- of `trainer`, when checkpoints and log lines are written (`MAY_CHANGE`);
- `mix.error_budget`, `mix.timeout` and `sampling.server`, which a run may have stopped for;
- how long the run is: `trainer.max_steps`, or `algorithm.rounds` of an algorithm in rounds. A finished run is extended
  by a larger one. A learning rate schedule that decays then spans the new number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECTIONS_THAT_MAY_CHANGE = ("evaluation.", "logging.")
MAY_CHANGE = {
    "mix.error_budget",
    "mix.timeout",
    "sampling.server",
    "trainer.save_strategy",
    "trainer.save_steps",
    "trainer.save_total_limit",
    "trainer.logging_strategy",
    "trainer.logging_steps",
    "trainer.logging_first_step",
}
NOT_SET = "not set"

Changes = dict[str, tuple[Any, Any]]
"""Key → its values (before, now); `NOT_SET` stands for a key that is not there."""


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """The keys in which two configs differ.

    Args:
        before: a resolved config.
        now: another one.
    """
    old, new = _flat(before), _flat(now)
    pairs = {key: (old.get(key, NOT_SET), new.get(key, NOT_SET)) for key in {**old, **new}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def length_key(config: Mapping[str, Any]) -> str:
    """The key that says how long a run of a config is."""
    return "algorithm.rounds" if "rounds" in config.get("algorithm", {}) else "trainer.max_steps"


def may_change(key: str, length: str) -> bool:
    """Whether a key may change when a run goes on.

    Args:
        key: with dots.
        length: the key that says how long the run is.
    """
    return key == length or key in MAY_CHANGE or key.startswith(SECTIONS_THAT_MAY_CHANGE)


def shown(found: Mapping[str, tuple[Any, Any]]) -> str:
    """Changes in a line."""
    return ", ".join(f"{key}: {before}, now {now}" for key, (before, now) in found.items())


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return flat
