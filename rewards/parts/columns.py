"""The columns of the data in a reward's keyword arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.reward import PASSED


def data_columns(columns: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """The columns of the data, each as a list with one value per completion.

    Args:
        columns: a reward's keyword arguments: lists, tuples or arrays, and what the trainer passes.
        count: number of completions in the batch.

    Raises:
        ValueError: a column has another length.
    """
    found = {name: _as_list(values) for name, values in columns.items() if name not in PASSED}
    listed = {name: values for name, values in found.items() if values is not None}
    for name, values in listed.items():
        if len(values) != count:
            raise ValueError(f"the column {name!r} has {len(values)} values for {count} completions")
    return listed


def column(columns: Mapping[str, Any], name: str, count: int) -> list[Any]:
    """A column of the data that a reward needs.

    Args:
        columns: a reward's keyword arguments.
        name: name of the column.
        count: number of completions in the batch.

    Raises:
        ValueError: the column is missing, or has another length.
    """
    values = data_columns({name: columns.get(name)}, count).get(name)
    if values is None:
        raise ValueError(f"needs a column {name!r} in the data")
    return values


def _as_list(values: Any) -> list[Any] | None:
    if isinstance(values, str):
        return None
    if hasattr(values, "tolist"):  # an array, or a Series
        values = values.tolist()
    return list(values) if isinstance(values, Sequence) else None
