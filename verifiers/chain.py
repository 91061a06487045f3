"""The embedded task `chain`: `7*3-4+8?` → `7*3=1;1-4=7;7+8=5#5`, left to right, digits modulo 10.

Every step is checked exactly: its operands must be the value so far and the problem's next operand, its operator the
problem's next, and its result right. A step that skips an operation is therefore wrong even when the final answer
comes out right.
"""

from __future__ import annotations

import re

from verifiers.answer.completion import spoken
from verifiers.verdict import Step, Verdict, judged

JUDGES_STEPS = True
ONE_FORM = True

_STEP = re.compile(r"(\d)([-+*])(\d)=(\d)")
_OPERATION = re.compile(r"([-+*])(\d)")


def verify(prediction: str, gold: str, *, prompt: str, arithmetic: bool = False) -> Verdict:
    """Judge a chain: the score is 1 where the digit after the last `#` is the gold digit, else 0.

    Args:
        prediction: the completion, `step;step;…#answer`.
        gold: the answer, one digit.
        prompt: the problem, such as `7*3-4+8?`.
        arithmetic: whether a step is judged as an equation by itself, whatever the problem asks for.

    Returns:
        A judged verdict; `steps` holds one step for each `;`-separated part before the `#`. Where operations are left
        out at the end, the answer itself is one more step, a wrong one: it was jumped to.

    Raises:
        ValueError: the prompt does not begin with a digit.
    """
    prediction = prediction[: spoken(prediction)[1]]  # thinking that never ends holds no answer
    working, mark, answer = prediction.rpartition("#")
    if not mark:
        working, answer = prediction, ""
    answer = answer.strip()
    right = bool(mark) and answer == gold
    return judged(
        right,
        "right" if right else ("wrong answer" if mark else "no # before an answer"),
        extracted=answer if mark else None,
        steps=_equations(working) if arithmetic else _steps(working, prompt, len(prediction)),
    )


def gold_prediction(gold: str, *, prompt: str) -> str:
    """A completion with every step done right.

    Args:
        gold: the final digit.
        prompt: the problem, a digit and its operations.

    Raises:
        ValueError: the prompt does not begin with a digit.
    """
    value, steps = _first(prompt), []
    for operator, digit in _OPERATION.findall(prompt):
        result = apply(operator, value, int(digit))
        steps.append(f"{value}{operator}{digit}={result}")
        value = result
    return f"{';'.join(steps)}#{gold}"


def operations_of(prompt: str) -> list[tuple[str, int]]:
    """The operations of a problem in order, as (operator, operand)."""
    return [(operator, int(digit)) for operator, digit in _OPERATION.findall(prompt)]


def apply(operator: str, left: int, right: int) -> int:
    """The result of one operation modulo 10.

    Args:
        operator: `+`, `-` or `*`.
        left: the left operand.
        right: the right operand.
    """
    return {"+": left + right, "-": left - right, "*": left * right}[operator] % 10


def _first(prompt: str) -> int:
    """The digit a problem begins with."""
    if not re.match(r"[0-9]", prompt):
        raise ValueError(f"expected a problem such as '7*3-4+8?', got {prompt!r}")
    return int(prompt[0])


def _equations(working: str) -> tuple[Step, ...]:
    """Each equation of the working, right where it is true modulo 10."""
    return tuple(
        Step(
            match.start(), match.end(), "judged", float(apply(match[2], int(match[1]), int(match[3])) == int(match[4]))
        )
        for match in _STEP.finditer(working)
    )


def _steps(working: str, prompt: str, length: int) -> tuple[Step, ...]:
    """One step for each part of the working; what follows a wrong step is judged against what is written there."""
    value = _first(prompt)
    wanted = operations_of(prompt)
    steps, start = [], 0
    parts = working.split(";") if working else []
    for index, part in enumerate(parts):
        end = start + len(part)
        right, reason = False, "not a step"
        if match := _STEP.fullmatch(part):
            left, operator, operand, result = int(match[1]), match[2], int(match[3]), int(match[4])
            if index >= len(wanted):
                reason = "more steps than operations"
            elif (left, operator, operand) != (value, *wanted[index]):
                reason = f"expected {value}{wanted[index][0]}{wanted[index][1]}"
            elif result != apply(operator, left, operand):
                reason = f"{left}{operator}{operand} is {apply(operator, left, operand)}"
            else:
                right, reason = True, "right"
            value = result
        steps.append(Step(start, end, "judged", float(right), reason))
        start = end + 1
    if len(parts) < len(wanted):
        missing = len(wanted) - len(parts)
        reason = f"{missing} operation{'s' * (missing > 1)} left out"
        steps.append(Step(len(working), length, "judged", 0.0, reason))
    return tuple(steps)
