"""Columns of a row by name, also inside of others: `reward_model.ground_truth`, `resps.0`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def has(row: Mapping[str, Any], name: str) -> bool:
    """Whether a row has a column of that name, perhaps with None in it.

    Args:
        row: column name → value.
        name: of a column, dots leading into objects and lists.
    """
    try:
        column(row, name)
    except KeyError:
        return False
    return True


def column(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column; where the row has none of that name, dots lead into objects and lists.

    An object or a list on the way may be held as JSON text.

    Args:
        row: column name → value.
        name: of a column; `a.b.0` is the first entry of the list `b` in the object `a`.

    Raises:
        KeyError: there is no such column.
    """
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise KeyError(name) from None
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise KeyError(name)
    return value


def names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all columns of some rows, those inside of objects with dots, each once."""
    found: dict[str, None] = {}

    def walk(row: Mapping[str, Any], before: str) -> None:
        for name, value in row.items():
            found.setdefault(f"{before}{name}")
            if isinstance(value, Mapping):
                walk(value, f"{before}{name}.")

    for row in rows:
        walk(row, "")
    return list(found)
