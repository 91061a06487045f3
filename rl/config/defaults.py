"""What a config sets: the keys whose values are not the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import PydanticUndefined

from rl.config.section import Section
from rl.config.sections import Config

NONE = "–"
"""In place of the default of a key that has none."""


def unlike_defaults(values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of a resolved config that are not at their defaults. `name` is left out.

    Keys of `trainer` are TRL's; their defaults are TRL's as well and are not listed.

    Args:
        values: a resolved config, of this version.

    Returns:
        Key, with dots → (its default, its value).

    Raises:
        pydantic.ValidationError: the values are not a config of this version.
    """
    found = dict(_unlike(Config.model_validate(values), None, ""))
    found.pop("name")
    return found


def _unlike(section: Section, default: Any, above: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, field in type(section).model_fields.items():
        key, value = f"{above}{field.alias or name}", getattr(section, name)
        usual = (
            getattr(default, name) if type(default) is type(section) else field.get_default(call_default_factory=True)
        )
        if isinstance(value, Section):
            yield from _unlike(value, usual, f"{key}.")
        elif isinstance(value, Mapping):
            for inner, one in value.items():
                if isinstance(one, Section):
                    yield from _unlike(one, None, f"{key}.{inner}.")
                else:
                    yield f"{key}.{inner}", (NONE, one)
        elif value != usual:
            yield key, (NONE if usual is PydanticUndefined else usual, value)
