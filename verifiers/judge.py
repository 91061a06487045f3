"""Runs one verifier over rows: options checked once, columns picked per row, a broken verifier told apart."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verifiers import VERIFIERS
from verifiers.verdict import Verdict, failed


class Judge:
    """A verifier by name with its options, applied to rows.

    Args:
        name: a key of `verifiers.VERIFIERS`.
        **options: values for the verifier's keyword parameters that have a default.

    Attributes:
        columns: names of the columns that each row must have besides `prediction` and `gold`.

    Raises:
        ValueError: no verifier of that name, or it has no such option; the message names the nearest valid one.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self._verify = load(name)
        parameters = inspect.signature(self._verify).parameters.values()
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.columns = tuple(p.name for p in keywords if p.default is p.empty)
        self._options = {p.name for p in keywords if p.default is not p.empty}
        for option in options:
            if option not in self._options:
                raise ValueError(f"verifier {name!r} has no option {option!r}{nearest(option, self._options)}")
        self._given = options

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
        """Judge rows of `prediction`, `gold` and this verifier's columns; one verdict a row, in order.

        Raises:
            KeyError: a row lacks a column that the verifier needs.
        """
        return [self._judge_one(row) for row in rows]

    def _judge_one(self, row: Mapping[str, Any]) -> Verdict:
        arguments = dict(self._given)
        arguments.update({column: row[column] for column in self.columns})
        arguments.update({option: row[option] for option in self._options if row.get(option) is not None})
        try:
            return self._verify(row["prediction"], row["gold"], **arguments)
        except Exception as error:  # whatever a verifier raises, it is the verifier that broke, not the answer
            return failed(f"{type(error).__name__}: {error}")


def load(name: str) -> Callable[..., Verdict]:
    """The `verify` function of a verifier by name.

    Raises:
        ValueError: no verifier of that name.
    """
    if name not in VERIFIERS:
        raise ValueError(f"no verifier is named {name!r}{nearest(name, VERIFIERS)}")
    return importlib.import_module(VERIFIERS[name]).verify


def nearest(word: str, valid: Mapping[str, Any] | set[str]) -> str:
    """A hint for an error message: the valid name nearest to a wrong one, or the list of all."""
    close = difflib.get_close_matches(word, sorted(valid), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(sorted(valid))}" if valid else "; it takes none"
