"""The input of `rewards.score` as rows, one mapping per completion."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

GROUP = "group of the completion"
"""The column with the group of a row; no column of the data has this name."""


_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def readable(value: Any) -> Any:
    """The value with lone surrogates in its texts replaced by U+FFFD, since files and tokenizers reject them."""
    if isinstance(value, str):
        return _HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {readable(key): readable(one) for key, one in value.items()}
    return [readable(one) for one in value] if isinstance(value, list | tuple) else value


def storable(values: Sequence[Any]) -> pyarrow.Array:
    """The values as a column of a parquet file, which has one type.

    Args:
        values: a value for each row; None where there is none.

    Returns:
        The values, readable; as JSON text, except for texts and None, if they are of several types or of none that
        parquet has.
    """
    import pyarrow  # a third of a second, which scoring a few texts does not need

    plain = [readable(value) for value in values]
    try:
        column = pyarrow.array(plain, from_pandas=True)
        if not _has_empty_struct(column.type):
            return column
    except (pyarrow.ArrowException, OverflowError, TypeError, ValueError):
        pass
    texts = [value if value is None or isinstance(value, str) else json.dumps(value, default=str) for value in plain]
    return pyarrow.array(texts, pyarrow.string())


def _has_empty_struct(kind: Any) -> bool:
    """Whether a type of Arrow contains objects without any key, which parquet cannot store."""
    inside = [kind.field(place).type for place in range(kind.num_fields)]
    return ("struct" in str(kind) and not inside) or any(map(_has_empty_struct, inside))


def rows_of(completions: Any, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per completion, with None for missing values (None, NaN, NA); a list of texts becomes several rows.

    Args:
        completions: N completions, rows, or a pandas DataFrame of rows.
        given: further columns of N values each.

    Raises:
        ValueError: there are no completions, a column has another length or is given twice, or a row has no completion.
    """
    if hasattr(completions, "to_dict") and hasattr(completions, "columns"):
        if not completions.columns.is_unique:
            twice = completions.columns[completions.columns.duplicated()][0]
            raise ValueError(f"the DataFrame has two columns called {twice!r}")
        completions = completions.to_dict("records")
    if isinstance(completions, str | Mapping):
        kind = "one text" if isinstance(completions, str) else "a mapping of columns"
        raise ValueError(f"completions: expected a list of texts, chats or rows, or a DataFrame, got {kind}")
    completions = list(completions)
    if not completions:
        raise ValueError("there are no completions to score")
    if "completion" in given:
        raise ValueError("columns: 'completion' is given twice; the completions are the first argument")
    for name, values in given.items():
        if isinstance(values, str):
            raise ValueError(f"{name!r}: expected a list of {len(completions)} values, got one text")
    given = {name: list(values) for name, values in given.items()}
    for name, values in given.items():
        if len(values) != len(completions):
            raise ValueError(f"{len(values)} values of {name!r} for {len(completions)} completions")
    rows: list[dict[str, Any]] = []
    for index, completion in enumerate(completions):
        # chat messages are a list of mappings, too, but only a row is a mapping itself
        row = dict(completion) if isinstance(completion, Mapping) else {"completion": completion}
        row = {str(name): readable(_plain(value)) for name, value in row.items()}
        for name, values in given.items():
            value = readable(_plain(values[index]))
            if row.get(name) not in (None, value):
                raise ValueError(
                    f"{name!r} is given twice for row {index + 1}: in the row, and as an argument of its own"
                )
            row[name] = value
        several = row.get("completion")
        if several == []:
            raise ValueError(f"row {index + 1} has an empty list for its completion")
        if not isinstance(several, list) or isinstance(several[0], Mapping):
            several = [several]
        elif row.get("prompt") is None and row.get(GROUP) is None:
            row[GROUP] = ("row", index)
        for one in several:
            if not isinstance(one, str) and not (isinstance(one, list) and all(isinstance(m, Mapping) for m in one)):
                has = ", ".join(name for name, value in row.items() if value is not None)
                what = (
                    "no completion"
                    if one is None
                    else f"a completion of type {type(one).__name__}, neither text nor chat"
                )
                raise ValueError(f"row {index + 1} has {what}; it has: {has or 'nothing'}")
            rows.append({**row, "completion": one})
    return rows


def _plain(value: Any) -> Any:
    """None for a missing value (NaN, pandas' NA and NaT); a list for an array, as pandas reads lists from parquet."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    is_missing = (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in ("NAType", "NaTType")
    return None if is_missing else value
