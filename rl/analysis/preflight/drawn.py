"""What preflight keeps of a judged completion: the numbers behind its findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rewards.sample import Sample
from verifiers import Status, is_right


@dataclass(frozen=True, slots=True)
class Drawn:
    """A judged completion in numbers.

    Attributes:
        right: whether its answer is right; None if the verifier abstained or failed.
        status: the verifier's status for it.
        answered: whether the verifier found an answer in it, right or wrong.
        cut_off: whether it reached `max_tokens`.
        tokens: its length.
        reward: the mixed reward; None if no reward could judge it, or if the rewards were not run.
        credit: the sum of its step scores that count within the completion, with their weights.
        contributions: reward name → its part of the mixed reward; empty for a product.
        failed: names of the rewards that failed on it.
        abstained: names of the rewards that abstained from it.
    """

    right: bool | None
    status: Status
    answered: bool
    cut_off: bool
    tokens: int
    reward: float | None = None
    credit: float = 0.0
    contributions: Mapping[str, float] | None = None
    failed: tuple[str, ...] = ()
    abstained: tuple[str, ...] = ()

    @classmethod
    def of(cls, sample: Sample, credited: Collection[str] = ()) -> Drawn:
        """The numbers of a judged sample.

        Args:
            sample: the sample.
            credited: names of the rewards whose step scores count within the completion.
        """
        verdict = sample.verdict
        assert verdict is not None, "judged before"
        steps = [
            judgement.weight * step.score
            for name, judgement in sample.rewards.items()
            for step in judgement.steps
            if name in credited and step.score is not None
        ]
        said = {name: judgement.status for name, judgement in sample.rewards.items()}
        return cls(
            right=verdict.right,
            status=verdict.status,
            answered=verdict.right is True or verdict.extracted is not None,
            cut_off=sample.finish_reason == "length",
            tokens=len(sample.ids),
            reward=sample.reward,
            credit=sum(steps),
            contributions={n: j.contribution for n, j in sample.rewards.items() if j.contribution is not None},
            failed=tuple(name for name, status in said.items() if status == "failed"),
            abstained=tuple(name for name, status in said.items() if status == "abstained"),
        )

    @classmethod
    def of_answer(cls, row: Mapping[str, Any]) -> Drawn:
        """The numbers of an answer as evaluations record it; its length is unknown and counts as 1."""
        return cls(
            right=is_right(row["score"]),
            status=row["status"],
            answered=row["score"] == 1.0 or row["extracted"] is not None,
            cut_off=row["finish_reason"] == "length",
            tokens=1,
        )
