"""Every verifier must accept its own gold answers; this finds the rows where it does not.

A verifier whose plain gold is no valid prediction defines, beside `verify`,

    def gold_prediction(gold: str, *, the_same_columns_and_options) -> str | None

which gives a prediction that must be judged 1, or None where a row has none (a task that only its scorer decides).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verifiers.runtime.golds import first_gold
from verifiers.runtime.judge import Judge, module
from verifiers.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Problem:
    """A row whose gold answer its verifier does not accept.

    Attributes:
        row: its index.
        prediction: what was judged; None where no gold prediction could be made.
        verdict: what the verifier said; None likewise.
        reason: what is wrong, in a line.
    """

    row: int
    prediction: str | None
    verdict: Verdict | None
    reason: str


def self_check(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Judge each row's own gold answer; an empty list means that all are accepted.

    Args:
        judge: a verifier with its options.
        rows: rows with `gold` and the verifier's columns; a `prediction` in them is not read.

    Returns:
        One problem for each row not judged 1, in order.

    Raises:
        KeyError: a row lacks `gold` or a column that the verifier needs.
    """
    make = getattr(module(judge.name), "gold_prediction", None)
    problems: list[Problem] = []
    indices: list[int] = []
    checked: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        try:
            gold = first_gold(row["gold"])
            prediction = gold if make is None else make(gold, **_accepted(make, judge.arguments(row)))
        except ValueError as error:  # there is no answer, says the verifier: the row cannot be solved
            problems.append(Problem(index, None, None, str(error)))
            continue
        if prediction is not None:
            indices.append(index)
            checked.append({**row, "prediction": str(prediction)})
    for index, row, verdict in zip(indices, checked, judge(checked), strict=True):
        if verdict.status != "judged" or verdict.score != 1.0:
            said = verdict.status if verdict.score is None else f"scored {verdict.score:g}"
            reason = f"gold {str(row['gold'])[:60]!r} is {said}: {verdict.reason}"
            problems.append(Problem(index, row["prediction"], verdict, reason))
    return sorted(problems, key=lambda problem: problem.row)


def _accepted(make: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Those of a row's arguments that a `gold_prediction` takes."""
    parameters = inspect.signature(make).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return arguments
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in arguments.items() if name in names}
