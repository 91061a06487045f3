"""Can a verifier read the answers? It must accept its own golds, however they are phrased, and nothing near them.

A verifier whose plain gold is no valid prediction defines, beside `verify`,

    def gold_prediction(gold: str, *, the_same_columns_and_options) -> str | None

which gives a prediction that must be judged right, or None where a row has none (a task that only its scorer decides).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifiers.runtime.golds import first_gold
from verifiers.runtime.phrasings import PHRASINGS, WRONG_PHRASINGS, answer_of, near_misses, phrased
from verifiers.runtime.verifier import Verifier, module
from verifiers.verdict import Verdict

OWN_FORM = "its own form"
"""The one phrasing of a verifier that reads no answer stated in prose."""


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


@dataclass(slots=True)
class Tally:
    """How many predictions of one kind were judged right.

    Attributes:
        tried: how many there were.
        right: how many of them were judged right.
        example: the first that was judged otherwise than it should be, with the verdict; None where there is none.
    """

    tried: int = 0
    right: int = 0
    example: tuple[str, Verdict] | None = None

    @property
    def share(self) -> float:
        """Of those tried, the share judged right; 0 where none was tried."""
        return self.right / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """What a verifier makes of golds in the usual phrasings, and of wrong answers near them.

    Attributes:
        phrasings: a phrasing → how many golds in it are accepted, which all should be.
        wrong: wrong answers near the golds, none of which should be accepted.
        unknown: rows whose gold stands for no answer that could be phrased.
    """

    phrasings: dict[str, Tally] = field(default_factory=dict)
    wrong: Tally = field(default_factory=Tally)
    unknown: int = 0

    @property
    def share(self) -> float:
        """The share of golds accepted over all phrasings."""
        tried = sum(tally.tried for tally in self.phrasings.values())
        return sum(tally.right for tally in self.phrasings.values()) / tried if tried else 0.0


def self_check(verifier: Verifier, rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Judge each row's own gold answer; an empty list means that all are accepted.

    Args:
        verifier: a verifier with its options.
        rows: rows with `gold` and the verifier's columns; a `prediction` in them is not read.

    Returns:
        One problem for each row not judged right, in order.

    Raises:
        KeyError: a row lacks `gold` or a column that the verifier needs.
    """
    rows = [{**row, "gold": first_gold(row["gold"])} for row in rows]
    problems: list[Problem] = []
    indices: list[int] = []
    checked: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        try:
            prediction = _gold_prediction(verifier, row)
        except ValueError as error:  # there is no answer, says the verifier: the row cannot be solved
            problems.append(Problem(index, None, None, str(error)))
            continue
        if prediction is not None:
            indices.append(index)
            checked.append({**row, "prediction": str(prediction)})
    for index, row, verdict in zip(indices, checked, verifier(checked), strict=True):
        if not verdict.right:
            said = verdict.status if verdict.score is None else f"scored {verdict.score:g}"
            reason = f"gold {str(row['gold'])[:60]!r} is {said}: {verdict.reason}"
            problems.append(Problem(index, row["prediction"], verdict, reason))
    return sorted(problems, key=lambda problem: problem.row)


def has_gold_prediction(verifier: Verifier, row: Mapping[str, Any]) -> bool:
    """Whether the verifier knows a right prediction for a row, so that `self_check` says something of it.

    Args:
        verifier: a verifier with its options.
        row: a row with `gold` and the verifier's columns.
    """
    try:
        return _gold_prediction(verifier, row) is not None
    except ValueError:  # the row has no answer, which is a problem of its own
        return True


def survey(verifier: Verifier, rows: Sequence[Mapping[str, Any]]) -> Survey:
    """Judge each row's gold in the usual phrasings, and wrong answers near it.

    A verifier that reads a form of its own (`ONE_FORM`) is tried with that alone; its wrong answers are right ones
    judged against a gold near their own.

    Args:
        verifier: a verifier with its options.
        rows: rows with `gold` and the verifier's columns.

    Raises:
        KeyError: a row lacks `gold` or a column that the verifier needs.
    """
    found = Survey()
    rows = [{**row, "gold": first_gold(row["gold"])} for row in rows]
    one_form = getattr(module(verifier.name), "ONE_FORM", False)
    answers = [_answer(verifier, row) for row in rows]
    names: list[str | None] = []
    trials: list[dict[str, Any]] = []
    for index, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        if answer is None:
            continue
        if one_form:
            misses = near_misses(str(first_gold(row["gold"])).rpartition("####")[2].strip(), row, [])
            names += [OWN_FORM, *[None] * len(misses)]
            trials += [{**row, "prediction": answer}, *({**row, "gold": miss, "prediction": answer} for miss in misses)]
            continue
        others = [other for other in answers[index + 1 : index + 20] + answers[:index][-20:] if other is not None]
        misses = near_misses(answer, row, others) or [f"{answer} {answer}"]
        for name in PHRASINGS:
            names.append(name)
            trials.append({**row, "prediction": phrased(name, answer, misses[0])})
        for miss in misses if misses[0] != f"{answer} {answer}" else []:
            for name in WRONG_PHRASINGS:
                names.append(None)
                trials.append({**row, "prediction": phrased(name, miss, miss)})
    if one_form:
        names, trials = _where_gold_counts(verifier, names, trials)
    for name, trial, verdict in zip(names, trials, verifier(trials), strict=True):
        tally = found.wrong if name is None else found.phrasings.setdefault(name, Tally())
        tally.tried += 1
        tally.right += verdict.right is True
        if tally.example is None and (verdict.right is True) == (name is None):
            tally.example = (trial["prediction"], verdict)
    return Survey(found.phrasings, found.wrong, sum(answer is None for answer in answers))


def _where_gold_counts(
    verifier: Verifier, names: list[str | None], trials: list[dict[str, Any]]
) -> tuple[list[str | None], list[dict[str, Any]]]:
    """Without the wrong golds of rows that something else decides, such as tests: those are right with any gold."""
    without = verifier([{**trial, "gold": ""} for trial in trials])
    kept = [index for index, name in enumerate(names) if name is not None or not without[index].right]
    return [names[index] for index in kept], [trials[index] for index in kept]


def _answer(verifier: Verifier, row: Mapping[str, Any]) -> str | None:
    """What states the row's answer: in a sentence, or all by itself where the verifier reads a form of its own."""
    made = getattr(module(verifier.name), "gold_prediction", None) is not None
    try:
        prediction = _gold_prediction(verifier, row) if made else None
    except ValueError:
        return None
    if made and prediction is None:
        return None
    if getattr(module(verifier.name), "ONE_FORM", False):
        return prediction
    try:
        return answer_of(str(first_gold(row["gold"])), row, prediction)
    except ValueError:  # its choices cannot be read, which the verifier says of the row
        return None


def _gold_prediction(verifier: Verifier, row: Mapping[str, Any]) -> str | None:
    make = getattr(module(verifier.name), "gold_prediction", None)
    gold = first_gold(row["gold"])
    if make is None:
        stated = "####" in str(gold) or "\\boxed" in str(gold)
        return f"The answer is {gold}" if verifier.arguments(row).get("strict") and not stated else gold
    made = make(gold, **_accepted(make, verifier.arguments(row)))
    return None if made is None else str(made)


def _accepted(make: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Those of a row's arguments that a `gold_prediction` takes."""
    parameters = inspect.signature(make).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return arguments
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in arguments.items() if name in names}
