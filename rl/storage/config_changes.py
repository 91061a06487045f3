"""Which parts of a config may change when a run resumes: those that cannot have affected the training so far.

- `evaluation.*` and `logging.*`;
- the keys of `trainer` that say when checkpoints and log lines are written (`MAY_CHANGE`);
- `mix.error_budget`, `mix.timeout` and `sampling.server`, which may be the reason why the run stopped;
- the length of the run: `trainer.max_steps`, or `algorithm.rounds` for an algorithm in rounds. A larger value extends a
  finished run; a learning rate schedule that decays then spans the new number of steps.
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
"""Key → (value before, value now); `NOT_SET` stands for an absent key."""


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """The keys whose values differ between two configs.

    Args:
        before: a resolved config.
        now: another resolved config.
    """
    old, new = flat(before), flat(now)
    pairs = {key: (old.get(key, NOT_SET), new.get(key, NOT_SET)) for key in {**old, **new}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def length_key(config: Mapping[str, Any]) -> str:
    """The key that sets the length of a run."""
    return "algorithm.rounds" if "rounds" in config.get("algorithm", {}) else "trainer.max_steps"


def may_change(key: str, length: str) -> bool:
    """Whether a key may change when a run resumes.

    Args:
        key: the key, with dots.
        length: the key that sets the length of the run.
    """
    return key == length or key in MAY_CHANGE or key.startswith(SECTIONS_THAT_MAY_CHANGE)


def shown(found: Mapping[str, tuple[Any, Any]]) -> str:
    """The changes as one line of text."""
    return ", ".join(f"{key}: {before}, now {now}" for key, (before, now) in found.items())


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """A config as one level of keys with dots.

    Args:
        values: a config, or a section of it.
        above: what the keys begin with.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return found
