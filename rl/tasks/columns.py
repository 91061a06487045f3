"""Access to columns of a row by name, including nested ones: `reward_model.ground_truth`, `resps.0`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rl.errors import UserError


def has(row: Mapping[str, Any], name: str) -> bool:
    """Whether a row has a column of the given name, even if its value is None.

    Args:
        row: column name → value.
        name: name of the column; dots access objects and lists.
    """
    try:
        column(row, name)
    except KeyError:
        return False
    return True


def column(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column. If the row has no column of that name, dots in the name access objects and lists.

    The objects and lists may be JSON text.

    Args:
        row: column name → value.
        name: name of the column; `a.b.0` is the first entry of the list `b` in the object `a`.

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
    """The names of all columns of the rows, without duplicates; names in nested objects have dots."""
    found: dict[str, None] = {}

    def walk(row: Mapping[str, Any], before: str) -> None:
        for name, value in row.items():
            found.setdefault(f"{before}{name}")
            if isinstance(value, Mapping):
                walk(value, f"{before}{name}.")

    for row in rows:
        walk(row, "")
    return list(found)


def named(options: Iterable[str]) -> dict[str, str]:
    """What the options `--column WHAT=NAME` say: what is read → the column it is read from.

    Args:
        options: `WHAT=NAME`, one for each column that does not have its usual name.

    Raises:
        UserError: one has another form, or two say what the same is read from.
    """
    found: dict[str, str] = {}
    for option in options:
        what, _, source = option.partition("=")
        what = what.strip()
        if not what or not source:
            raise UserError("--column", f"expected WHAT=NAME, such as gold=answer, got {option!r}")
        if what in found:
            raise UserError("--column", f"{what} is given twice: {found[what]} and {source}")
        found[what] = source
    return found
