"""Which columns of somebody's data hold what scoring reads: named by the user, or found by their usual names."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rl.analysis.scoring.row import joined
from rl.errors import UserError
from rl.tasks.columns import column, has, names
from verifiers.runtime.names import nearest

CONVERSATIONS = ("messages", "conversation", "conversations")
"""Columns that hold a prompt, and perhaps its completion."""
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
"""What scoring reads → the names it usually has, the likeliest first. A reference solution is a completion only where
nothing else is."""
IDS = ("prompt_id", "problem_id", "question_id", "example_id", "doc_id", "uid")
"""Columns that say which completions are of one prompt, where there is no prompt."""


def chosen_columns(
    columns: Mapping[str, str], data: Sequence[Mapping[str, Any]], top: Sequence[str], path: str
) -> dict[str, str]:
    """What is read → the column or template it comes from.

    Args:
        columns: those that the user named.
        data: the columns of each row.
        top: the names of all columns, those inside of others left out.
        path: of the data, for messages.

    Raises:
        UserError: there is no such column, or none that holds completions.
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
        filled = (name for name in there if any(value_of(row, name) is not None for row in data))
        if target not in chosen and (found := next(filled, next((name for name in there if name in top), None))):
            chosen[target] = found
    if "completion" not in chosen:
        raise UserError(
            path,
            f"no column of completions: none is called {', '.join(USUAL['completion'])}. {_has(top)} Name one with "
            f"--column completion=NAME, or make one with a template, --column 'completion={{one}} {{other}}'",
        )
    return chosen


def _has(names: Sequence[str]) -> str:
    return f"Its columns: {', '.join(names)}."


class _Formatter(string.Formatter):
    """Fills in names as they are: a dot in one is part of it."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs[field_name], field_name


_FORMATTER = _Formatter()


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column; None where the row has none of that name.

    Args:
        row: the columns of a row.
        name: of the column, with dots into nested ones.
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
            f"--column {target}", f"no template: {error}; a brace of the text itself is written twice"
        ) from None
    return fields


def maker(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """What makes a value of a row; None where a column it needs is missing."""
    if "{" not in source:
        return lambda row: value_of(row, source)
    fields = _fields("", source)

    def made(row: Mapping[str, Any]) -> str | None:
        values = {field: value_of(row, field) for field in fields}
        if any(value is None or value != value for value in values.values()):
            return None
        return _FORMATTER.format(source, **{field: joined(value) for field, value in values.items()})

    return made
