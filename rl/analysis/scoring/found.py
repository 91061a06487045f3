"""Finds the columns of a data set that scoring reads: those the user names, or those with usual names."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rl.analysis.scoring.row import joined
from rl.errors import UserError
from rl.tasks.columns import column, has, names
from verifiers.runtime.names import nearest

CONVERSATIONS = ("messages", "conversation", "conversations")
"""Columns that hold a prompt, and possibly its completion."""
USUAL = {
    "completion": (
        *("completion", "prediction", "response", "generation", "output", "generated_text", "model_output"),
        *("completions", "predictions", "responses", "generations", "outputs", "resps"),
        *CONVERSATIONS,
        *("solution", "rationale"),
    ),
    "prompt": (
        *("prompt", "question", "problem", "query", "instruction", "input"),
        *("arguments.gen_args_0.arg_0", "arguments.0.0", "doc.question", "doc.problem"),
        *CONVERSATIONS,
    ),
    "gold": (
        *("gold", "answer", "gold_label", "target", "ground_truth", "gts", "expected_answer", "reference"),
        *("reward_model.ground_truth", "doc.answer", "solution"),
    ),
    "correct": ("correct", "is_correct"),
}
"""Field → its usual column names, likeliest first. A reference solution is taken for the completion only if there is no
other candidate."""
IDS = ("prompt_id", "problem_id", "question_id", "example_id", "doc_id", "uid")
"""Columns that identify the prompt of a completion in data without prompts."""


def chosen_columns(
    columns: Mapping[str, str], data: Sequence[Mapping[str, Any]], top: Sequence[str], path: str
) -> dict[str, str]:
    """Field → the column or template it is read from.

    Args:
        columns: the columns that the user named.
        data: the columns of each row.
        top: the names of all top-level columns, without nested ones.
        path: path of the data, for messages.

    Raises:
        UserError: a named column does not exist, or no column holds completions.
    """
    chosen = {}
    for target, source in columns.items():
        for name in _fields(target, source) if "{" in source else [source]:
            if not any(has(row, name) for row in data):
                near = nearest(name, names(data))
                raise UserError(f"--column {target}", f"{path} has no column {name!r}; {near} {_has(top)}")
        chosen[target] = source
    for target, usual in USUAL.items():
        there = [name for name in usual if name.partition(".")[0] in top and name not in chosen.values()]
        filled = (name for name in there if any(_may_be(target, value_of(row, name)) for row in data))
        if target not in chosen and (found := next(filled, next((name for name in there if name in top), None))):
            chosen[target] = found
    if "completion" not in chosen:
        raise UserError(
            path,
            f"no column of completions: none is called {', '.join(USUAL['completion'])}. {_has(top)} Name one with "
            f"--column completion=NAME, or build one with a template: --column 'completion={{one}} {{other}}'",
        )
    return chosen


def _may_be(target: str, value: Any) -> bool:
    """Whether a value can be what is looked for: a gold is no object, unless its column is called so."""
    return value is not None and not (target == "gold" and isinstance(value, Mapping))


def _has(names: Sequence[str]) -> str:
    return f"Its columns: {', '.join(names)}."


class _Formatter(string.Formatter):
    """Looks up each name as it stands: a dot is part of the name."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs[field_name], field_name


_FORMATTER = _Formatter()


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column; None if the row has no column of that name.

    Args:
        row: the columns of a row.
        name: the column's name, with dots to reach nested columns.
    """
    try:
        return column(row, name)
    except KeyError:
        return None


def _fields(target: str, template: str) -> list[str]:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
        _FORMATTER.format(template, **dict.fromkeys(fields, ""))
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(
            f"--column {target}", f"not a valid template: {error}; to get a brace in the text, write it twice"
        ) from None
    return fields


def maker(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function that makes a field's value from a row; the value is None if a column that it needs is missing."""
    if "{" not in source:
        return lambda row: value_of(row, source)
    fields = _fields("", source)

    def made(row: Mapping[str, Any]) -> str | None:
        values = {field: value_of(row, field) for field in fields}
        if any(value is None or value != value for value in values.values()):
            return None
        return _FORMATTER.format(source, **{field: joined(value) for field, value in values.items()})

    return made
