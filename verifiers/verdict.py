"""What a verifier says about one completion.

A verdict is one of three things, which are never mixed up:

- ``judged``: the verifier can tell, and ``score`` in [0, 1] says how right the completion is;
- ``abstained``: the verifier cannot say (the gold does not parse, no answer was expected);
- ``failed``: the verifier broke or ran out of time.

A verifier that broke never means a wrong answer: only a judged verdict has a score.

A score counts as right if it is 1: two of three tests passed is not right, and neither is an answer in the wrong unit
to which a verifier gives half of the score. Whatever needs to know whether something is right calls `is_right`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["judged", "abstained", "failed"]


def is_right(score: float | None) -> bool | None:
    """Whether a score counts as right: only 1 does. None, where nobody could judge, stays None."""
    return None if score is None else score >= 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One reasoning step of a completion, with its own status.

    Attributes:
        start: first character of the step in the completion.
        end: one past its last character.
        status: ``judged``, ``abstained`` or ``failed``, as for a whole verdict.
        score: in [0, 1] where judged, else None.
        reason: a few words on why.
    """

    start: int
    end: int
    status: Status
    score: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        _check(self.status, self.score)
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a step spans characters {self.start} to {self.end}: the start must not be past the end")

    @property
    def right(self) -> bool | None:
        """Whether the step is right (`is_right`); None where it was not judged."""
        return is_right(self.score)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one completion against its reference.

    Attributes:
        status: ``judged``, ``abstained`` or ``failed``.
        score: in [0, 1] where judged, else None.
        reason: a few words on why.
        extracted: the answer that was found in the completion, as text; None where none was found or looked for.
        steps: the completion's steps in order, for verifiers that judge steps.
        rule: the rule that found the answer: `tag`, `hashes`, `box`, `cue`, `line` or `last` (`docs/verifiers.md`);
            None where none was found or looked for.

    Raises:
        ValueError: a judged verdict without a score in [0, 1], or a score on one that is not judged.
    """

    status: Status
    score: float | None
    reason: str = ""
    extracted: str | None = None
    steps: tuple[Step, ...] = ()
    rule: str | None = None

    def __post_init__(self) -> None:
        _check(self.status, self.score)

    @property
    def right(self) -> bool | None:
        """Whether the answer is right (`is_right`); None where it was not judged."""
        return is_right(self.score)

    @property
    def chain_right(self) -> bool | None:
        """Whether the answer is right and every step, of one at least, is too; None where the answer was not judged."""
        return None if self.right is None else self.right and bool(self.steps) and all(s.right for s in self.steps)


def judged(
    score: float | bool,
    reason: str = "",
    *,
    extracted: str | None = None,
    steps: tuple[Step, ...] = (),
    rule: str | None = None,
) -> Verdict:
    """A verdict with a score.

    Args:
        score: in [0, 1]; True counts as 1 and False as 0.
        reason: why, in a few words.
        extracted: the answer that was found.
        steps: the verdicts on the steps.
        rule: the rule that found the answer (`verifiers.answer.reader`).

    Raises:
        ValueError: the score is outside [0, 1].
    """
    return Verdict("judged", float(score), reason, extracted, steps, rule)


def abstained(
    reason: str, *, extracted: str | None = None, steps: tuple[Step, ...] = (), rule: str | None = None
) -> Verdict:
    """A verdict that this verifier cannot judge the completion.

    Args:
        reason: why not.
        extracted: the answer that was found, if any.
        steps: the verdicts on the steps.
        rule: the rule that found the answer.
    """
    return Verdict("abstained", None, reason, extracted, steps, rule)


def failed(reason: str, *, extracted: str | None = None, rule: str | None = None) -> Verdict:
    """A verdict that the verifier broke or ran out of time.

    Args:
        reason: what happened.
        extracted: the answer that was found, if any.
        rule: the rule that found the answer.
    """
    return Verdict("failed", None, reason, extracted, rule=rule)


def _check(status: str, score: float | None) -> None:
    if status not in ("judged", "abstained", "failed"):
        raise ValueError(f"a status is judged, abstained or failed, not {status!r}")
    if status == "judged":
        if score is None or not 0.0 <= score <= 1.0:  # a NaN fails this comparison too
            raise ValueError(f"a judged verdict needs a score in [0, 1], not {score!r}")
    elif score is not None:
        raise ValueError(f"only a judged verdict has a score: {status} came with {score!r}")
