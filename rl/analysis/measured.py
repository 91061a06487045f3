"""What `whetstone eval` measured on a task: each policy's answers, read strictly and leniently, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rl.analysis.evaluation import Evaluation
from rl.analysis.intervals import Interval, wilson
from rl.analysis.paired import Comparison, Reading, compare, difference, reading
from verifiers import is_right


@dataclass(frozen=True)
class Measured:
    """The evaluations of policies on a task.

    Attributes:
        task: the name that the task was given.
        form: the rules that find an answer in the form that was asked for.
        evaluations: policy → its evaluation on the same problems.
    """

    task: str
    form: Sequence[str]
    evaluations: Mapping[str, Evaluation]

    @cached_property
    def readings(self) -> dict[str, list[Reading | None]]:
        """Policy → the reading of its greedy answer to each problem."""
        return {
            model: [reading(is_right(row["score"]), row["rule"], self.form) for row in evaluation.examples]
            for model, evaluation in self.evaluations.items()
        }

    @cached_property
    def in_form(self) -> dict[str, Interval | None]:
        """Policy → the share of its greedy answers that are right by the strict reading."""
        judged = {model: [one for one in of if one is not None] for model, of in self.readings.items()}
        return {model: wilson(sum(one.in_form for one in of), len(of)) for model, of in judged.items()}

    @cached_property
    def compared(self) -> dict[str, Comparison]:
        """Every policy except the first → its comparison with the first."""
        first, *others = self.readings
        return {model: compare(self.readings[first], self.readings[model]) for model in others}

    @cached_property
    def gain_at_k(self) -> dict[str, Interval | None]:
        """Every policy except the first → its mean@k minus that of the first."""
        means = {model: [_mean(group) for group in one.samples] for model, one in self.evaluations.items()}
        first, *others = means
        return {model: difference(means[first], means[model]) for model in others}

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        figures = {
            model: {**one.as_dict(), "in_form": _for_json(self.in_form[model])}
            for model, one in self.evaluations.items()
        }
        compared = {
            model: {**one.as_dict(), "gain_at_k": _for_json(self.gain_at_k[model])}
            for model, one in self.compared.items()
        }
        return {"form": list(self.form), "models": figures, "compared_with_first": compared}

    def answers(self) -> Iterator[dict[str, Any]]:
        """A record for each answer."""
        for model, evaluation in self.evaluations.items():
            for problem, (greedy, samples) in enumerate(zip(evaluation.examples, evaluation.samples, strict=True)):
                for number, row in [(None, greedy), *enumerate(samples)]:
                    read = reading(is_right(row["score"]), row["rule"], self.form)
                    said = {"right": read and read.right, "in_form": read and read.in_form}
                    where = {"task": self.task, "split": evaluation.split, "problem": problem}
                    yield {"model": model, **where, "sample": number, **said, **row}


def _mean(group: Sequence[Mapping[str, Any]]) -> float | None:
    """The share of a problem's samples that is right; None if none was judged."""
    right = [is_right(row["score"]) for row in group if row["score"] is not None]
    return sum(map(bool, right)) / len(right) if right else None


def _for_json(interval: Interval | None) -> dict[str, float] | None:
    return interval and interval.as_dict()
