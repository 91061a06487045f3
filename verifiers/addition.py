r"""The embedded task `addition`: `128+367=` → `495`, or the same sum by one of several traces.

| trace | completion |
|---|---|
| `plain` | `495` |
| `reversed` | `594`, from the ones on |
| `simplified` | `5,1;9,0;4,0#495`: of each place from the ones on, the digit and the carry |
| `detailed` | `128+367,0,:8+7+0=15;12+36,1,5:2+6+1=9;1+3,0,95:1+3+0=4#495` |
| `random` | as `simplified`, with random digits and carries before the answer |

A step of a detailed trace has what is left of both numbers, the carry, the digits so far, and the sum of the place. The
traces are those of Teaching Arithmetic (Lee et al. 2023, arXiv:2307.03381) in fewer characters. The steps of a
simplified and of a detailed one are checked exactly; in the others the answer is the only step.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.completion import spoken
from verifiers.verdict import Step, Verdict, judged

JUDGES_STEPS = True
ONE_FORM = True

TRACES = ("plain", "reversed", "simplified", "detailed", "random")
_SUM = re.compile(r"(\d+)\+(\d+)=")


class Place(NamedTuple):
    """One place of a sum, such as the tens.

    Attributes:
        left: what is left of the first number, with this place as its last digit.
        right: what is left of the second number.
        carry: the carry from the place before.
        total: the sum of both digits and the carry.
    """

    left: str
    right: str
    carry: int
    total: int

    @property
    def digit(self) -> int:
        """The digit of the sum at this place."""
        return self.total % 10


def verify(prediction: str, gold: str, *, prompt: str, trace: str = "plain") -> Verdict:
    """Judge a sum: the score is 1 where the answer is the gold number, else 0.

    Args:
        prediction: the completion.
        gold: the sum.
        prompt: the problem, such as `128+367=`.
        trace: one of `TRACES`. In a scratchpad the answer follows the last `#`.

    Returns:
        A judged verdict. A simplified or detailed trace has a step for each `;`-separated part before the `#`; where
        places are left out at the end, the answer is one more step, a wrong one.

    Raises:
        ValueError: there is no such trace, or the prompt is no sum.
    """
    _known(trace)
    prediction = prediction[: spoken(prediction)[1]]  # thinking that never ends holds no answer
    length = len(prediction)
    working, mark, answer = prediction.rpartition("#")
    if trace in ("plain", "reversed"):
        working, mark, answer = "", "#", prediction
    answer = answer.strip()[:: -1 if trace == "reversed" else 1]
    right = bool(mark) and answer == gold
    if right_steps := wanted(prompt, trace):
        steps = _steps(working if mark else prediction, right_steps, length)
    else:
        steps = (Step(length - len(answer), length, "judged", float(right)),)
    return judged(
        right,
        "right" if right else ("wrong answer" if mark else "no # before an answer"),
        extracted=answer if mark else None,
        steps=steps,
    )


def gold_prediction(gold: str, *, prompt: str, trace: str = "plain") -> str:
    """A completion with every step right; the scratchpad of a random trace is empty.

    Args:
        gold: the sum.
        prompt: the problem.
        trace: one of `TRACES`.

    Raises:
        ValueError: there is no such trace, or the prompt is no sum.
    """
    return completion(wanted(prompt, trace), gold, trace)


def completion(steps: list[str], answer: str, trace: str) -> str:
    """The text of a trace.

    Args:
        steps: its steps, which a plain and a reversed trace do not have.
        answer: the sum.
        trace: one of `TRACES`.
    """
    if trace in ("plain", "reversed"):
        return answer[:: -1 if trace == "reversed" else 1]
    return f"{';'.join(steps)}#{answer}"


def places(prompt: str) -> list[Place]:
    """The places of a sum, from the ones on, as many as its longer number has.

    Args:
        prompt: the problem, such as `128+367=`.

    Raises:
        ValueError: it is no sum of two numbers.
    """
    match = _SUM.fullmatch(prompt.strip())
    if match is None:
        raise ValueError(f"expected a problem such as '128+367=', got {prompt!r}")
    found: list[Place] = []
    carry = 0
    for place in range(max(len(match[1]), len(match[2]))):
        left, right = (number[: len(number) - place] if place < len(number) else "" for number in (match[1], match[2]))
        total = int(left[-1:] or 0) + int(right[-1:] or 0) + carry
        found.append(Place(left, right, carry, total))
        carry = total // 10
    return found


def step(place: Place, done: str, trace: str) -> str:
    """A place as a step of a trace.

    Args:
        place: the place.
        done: the digits of the sum after it.
        trace: `simplified` or `detailed`.
    """
    if trace == "simplified":
        return f"{place.digit},{place.total // 10}"
    digits = f"{place.left[-1:] or 0}+{place.right[-1:] or 0}+{place.carry}"
    return f"{place.left}+{place.right},{place.carry},{done}:{digits}={place.total}"


def wanted(prompt: str, trace: str) -> list[str]:
    """The right steps of a sum, none for traces whose steps are not judged.

    Args:
        prompt: the problem.
        trace: one of `TRACES`.

    Raises:
        ValueError: there is no such trace, or the prompt is no sum.
    """
    _known(trace)
    found: list[str] = []
    done, of_sum = "", places(prompt)
    for place in of_sum if trace in ("simplified", "detailed") else ():
        found.append(step(place, done, trace))
        done = f"{place.digit}{done}"
    return found


def _known(trace: str) -> None:
    if trace not in TRACES:
        raise ValueError(f"expected a trace of {', '.join(TRACES)}, got trace={trace!r}")


def _steps(working: str, right_steps: list[str], length: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    start = 0
    parts = working.split(";") if working else []
    for index, part in enumerate(parts):
        expected = right_steps[index] if index < len(right_steps) else None
        right = part == expected
        reason = "right" if right else "more steps than places" if expected is None else f"expected {expected}"
        steps.append(Step(start, start + len(part), "judged", float(right), reason))
        start += len(part) + 1
    if missing := max(0, len(right_steps) - len(parts)):
        reason = f"{missing} place{'s' * (missing > 1)} left out"
        steps.append(Step(len(working), length, "judged", 0.0, reason))
    return tuple(steps)
