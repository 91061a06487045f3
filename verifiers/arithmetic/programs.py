"""Programs of arithmetic over a question's numbers: `#0: multiply ( number0, number1 ) | #1: add ( #0, 60.0 ) | EOS`.

`numberK` is the K-th number of the question from 0, `#K` the result of step K, anything else a literal (`60.0`,
`const_100`). This is the form of REFINER's (Paul et al. 2023, arXiv:2304.01904) and MathQA's word-problem programs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from verifiers.arithmetic.expressions import MAX_EXPONENT, Unreadable, number

MAX_STEPS = 200

_STEP = re.compile(r"#(\d{1,4})\s?:\s*([A-Za-z_]{1,20})\s*\(([^()|\n]{0,200})\)")
_OPERAND = re.compile(r"(?:number|n)\d{1,4}|#\d{1,4}")
_END = re.compile(r"\s*(?:EOS|<END>|</s>|END)?\s*")
_END_MARK = re.compile(r"(?:EOS|<END>|</s>|END)\s*$")
_OPERATIONS = {
    "add": "+",
    "subtract": "-",
    "substract": "-",  # REFINER's spelling
    "multiply": "*",
    "divide": "/",
    "power": "^",
}
_QUESTION_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3}){1,13}(?!,?\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?!\w)")


@dataclass(frozen=True, slots=True)
class ProgramStep:
    """One step of a program: its characters, its value (None where it has none) and what is wrong with it."""

    start: int
    end: int
    value: Fraction | None
    fault: str
    uses: tuple[int, ...]


def is_program(text: str) -> bool:
    """Whether a text is a program: it begins with a step, or with a number of the question."""
    start = text.lstrip()[:400]
    return bool(_STEP.match(start) or re.match(r"number\d{1,4}\b", start))


def question_numbers(question: str) -> list[Fraction]:
    """The numbers of a question in order, as `numberK` counts them; one of too many digits is left out."""
    found = []
    for match in _QUESTION_NUMBER.finditer(question[:100_000]):
        try:
            found.append(number(match.group()))
        except Unreadable:
            continue
    return found


def run(program: str, numbers: Sequence[Fraction]) -> list[ProgramStep]:
    """Run a program step by step; a step that cannot run has a fault and no value, and so have those that use it.

    Args:
        program: its text; steps are separated by `|` or line ends.
        numbers: the question's numbers.
    """
    steps: list[ProgramStep] = []
    at = 0
    for piece in re.split(r"[|\n]", program)[: MAX_STEPS + 1]:
        start, at = at, at + len(piece) + 1
        if _END.fullmatch(piece):
            continue
        start += len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        bare = _END_MARK.sub("", piece).strip()
        if _OPERAND.fullmatch(bare) and len(steps) < MAX_STEPS:  # `number0 <END>`: a number of the question
            steps.append(_run_bare(bare, steps, numbers, start, end))
            continue
        match = _STEP.fullmatch(piece.strip())
        if not match:
            steps.append(ProgramStep(start, end, None, "not a step", ()))
        elif int(match[1]) != len(steps):
            steps.append(ProgramStep(start, end, None, f"step {len(steps)} is numbered {match[1]}", ()))
        elif len(steps) >= MAX_STEPS:
            steps.append(ProgramStep(start, end, None, f"more than {MAX_STEPS} steps", ()))
        else:
            steps.append(_run_one(match, steps, numbers, start, end))
    return steps


def _run_bare(
    name: str, before: Sequence[ProgramStep], numbers: Sequence[Fraction], start: int, end: int
) -> ProgramStep:
    uses: list[int] = []
    try:
        return ProgramStep(start, end, _operand(name, before, numbers, uses), "", tuple(uses))
    except Unreadable as error:
        return ProgramStep(start, end, None, str(error), tuple(uses))


def _run_one(
    match: re.Match[str], before: Sequence[ProgramStep], numbers: Sequence[Fraction], start: int, end: int
) -> ProgramStep:
    uses: list[int] = []
    try:
        operation = _OPERATIONS.get(match[2].lower())
        if operation is None:
            raise Unreadable(f"no operation is named {match[2]!r}; there are: {', '.join(_OPERATIONS)}")
        names = [name.strip() for name in match[3].split(",")]
        if len(names) != 2:
            raise Unreadable(f"{match[2]} takes two values, not {len(names)}")
        left, right = (_operand(name, before, numbers, uses) for name in names)
        return ProgramStep(start, end, _apply(operation, left, right), "", tuple(uses))
    except ZeroDivisionError:
        return ProgramStep(start, end, None, "divides by zero", tuple(uses))
    except Unreadable as error:
        return ProgramStep(start, end, None, str(error), tuple(uses))


def _operand(name: str, before: Sequence[ProgramStep], numbers: Sequence[Fraction], uses: list[int]) -> Fraction:
    if match := re.fullmatch(r"#(\d{1,4})", name):
        index = int(match[1])
        if index >= len(before):
            raise Unreadable(f"{name} is not known yet")
        uses.append(index)
        if (value := before[index].value) is None:
            raise Unreadable(f"{name} has no value")
        return value
    if match := re.fullmatch(r"(?:number|n)(\d{1,4})", name):
        index = int(match[1])
        if index >= len(numbers):
            raise Unreadable(f"{name} is not known: the question has {len(numbers)} numbers")
        return numbers[index]
    literal = name.removeprefix("const_").replace("_", ".")
    value = number(literal.removeprefix("-"))
    return -value if literal.startswith("-") else value


def _apply(operation: str, left: Fraction, right: Fraction) -> Fraction:
    if operation == "+":
        value = left + right
    elif operation == "-":
        value = left - right
    elif operation == "*":
        value = left * right
    elif operation == "/":
        value = left / right
    else:
        if right.denominator != 1 or abs(right) > MAX_EXPONENT or max(left.numerator, left.denominator) > 10**6:
            raise Unreadable("a power that is too large")
        value = left ** int(right)
    if value.numerator.bit_length() > 4096 or value.denominator.bit_length() > 4096:
        raise Unreadable("a number that is too large")
    return value
