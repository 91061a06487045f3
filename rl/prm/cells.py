"""Reads values from the cells of a table, where a number, a list or a truth value may be text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rl.tasks.columns import column

Row = Mapping[str, Any]


def first_of(row: Row, *names: str) -> Any:
    """The value of the first of the given columns that the row has; dots access nested columns.

    Args:
        row: the row.
        names: names of columns.

    Raises:
        ValueError: the row has none of the columns, or the value is empty.
    """
    for name in names:
        try:
            value = column(row, name)
        except KeyError:
            continue
        if value is not None:
            return value
    wanted = " or ".join(map(repr, names))
    if any(name in row for name in names):
        raise ValueError(f"{wanted} is empty")
    raise ValueError(f"no {wanted}; the row has: {', '.join(row) or 'nothing'}")


def list_cell(value: Any, what: str) -> list[Any]:
    """A list, which may also be JSON text.

    Args:
        value: the value of a cell.
        what: a description of the value, for the error.

    Raises:
        ValueError: the value is no list, or an empty one.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"expected a list as {what}, got text that is not a JSON list: {value[:40]!r}") from None
    if not isinstance(value, list):
        raise ValueError(f"expected a list as {what}, got {type(value).__name__}")
    if not value:
        raise ValueError(f"{what} is empty")
    return value


def text_cell(value: Any, what: str) -> str:
    """A text.

    Args:
        value: the value of a cell.
        what: a description of the value, for the error.

    Raises:
        ValueError: the value is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected text as {what}, got {type(value).__name__}")
    return value


def flag_cell(value: Any) -> Any:
    """A boolean, which may be text, as in CSV files; other values are returned unchanged for `labelled` to check."""
    return (
        {"true": True, "false": False, "": None}.get(value.strip().lower(), value) if isinstance(value, str) else value
    )


def whole_cell(value: Any, what: str) -> int:
    """A whole number, which may also be a float or text, as in tables.

    Args:
        value: a value from a file.
        what: a description of the value, for the error.

    Raises:
        ValueError: the value is not a whole number.
    """
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise ValueError(f"expected a whole number as {what}, got {value!r}")
    return int(value)
