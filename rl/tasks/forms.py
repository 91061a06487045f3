"""Forms of a rationale: the same working in words, as equations alone, as a program, as a system, or as a guide.

Each form is made from a rationale whose equations are marked as in GSM8K (Cobbe et al. 2021, arXiv:2110.14168): `She
sold 48/2 = <<48/2=24>>24 clips.`

| form | content |
|---|---|
| `words` | the rationale itself, without its marks |
| `equations` | the equations, one per line (Kim et al. 2024, arXiv:2409.12393) |
| `program` | the equations as Python statements, the last of which prints the answer |
| `system` | the equations over unknowns, for a solver (EoTD, Zhu et al. 2024, arXiv:2401.11864) |
| `system_and_program` | the system followed by the program: EoTD's ensemble in one completion |
| `guide` | what to do in each step, without any result (SGFT: Bi et al. 2024, arXiv:2412.09906) |

A number in a step stands for the result of an earlier step if it equals that result and the question does not name it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction

from verifiers.arithmetic.equations import MARK
from verifiers.arithmetic.expressions import Unreadable, number
from verifiers.arithmetic.programs import question_numbers

_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?|(?<![\w.])\.\d+")
_END = re.compile(r"\n*####\s*(?P<answer>.+?)\s*$")
_BEFORE_MARK = re.compile(r"\s*[=≈]\s*[^\w\s<>=]*$")
_AFTER_MARK = re.compile(r"\s*[$€£]?-?\d[\d,]*(?:\.\d+)?")
GUIDE_STEPS = range(2, 7)
"""Allowed numbers of steps in a guide; the paper's cleaning rule removes guides with fewer or more."""


@dataclass(frozen=True)
class MarkedStep:
    """One marked equation.

    Attributes:
        left: its left side, as written.
        right: its right side, as written.
        uses: maps the position of a number in `left` to the index of the earlier step that it is the result of.
    """

    left: str
    right: str
    uses: dict[int, int]

    def written(self, named: Callable[[int], str]) -> str:
        """The left side with earlier results replaced by their names; `named` gives the name for a step's index."""
        return _NUMBER.sub(lambda m: named(self.uses[m.start()]) if m.start() in self.uses else m[0], self.left)


def in_form(form: str, rationale: str, question: str = "") -> str:
    """Rewrite a rationale in another form.

    Args:
        form: one of `FORMS`.
        rationale: the rationale, with marked equations; a last line `#### ANSWER` is kept if the form states answers.
        question: the question; its own numbers are never taken for results.

    Raises:
        ValueError: the rationale cannot be rewritten in this form; the message says why.
    """
    end = _END.search(rationale)
    body = rationale[: end.start()] if end else rationale
    steps = steps_of(body, question)
    if not steps:
        raise ValueError("it has no marked equation, such as <<3+4=7>>")
    if form == "words":
        return MARK.sub("", rationale)
    if form == "guide":
        return _guide(body, steps)
    made = FORMS[form](steps)
    return f"{made}\n#### {end['answer']}" if end and form == "equations" else made


def steps_of(rationale: str, question: str = "") -> list[MarkedStep]:
    """The marked equations of a rationale in order, each with the earlier results that it uses.

    Args:
        rationale: the rationale.
        question: the question; its own numbers are never taken for results.

    Raises:
        ValueError: a mark contains no equation.
    """
    known = set(question_numbers(question))
    results: list[Fraction | None] = []
    steps: list[MarkedStep] = []
    for mark in MARK.finditer(rationale):
        left, sign, right = mark[1].rpartition("=")
        if not sign or not left.strip() or not right.strip():
            raise ValueError(f"a mark holds no equation: {mark[0]!r}")
        left = left.split("=")[0].strip()
        uses = {m.start(): place for m in _NUMBER.finditer(left) if (place := _from(m[0], results, known)) is not None}
        steps.append(MarkedStep(left, right.strip(), uses))
        results.append(_value(right.strip()))
    return steps


def _from(text: str, results: list[Fraction | None], known: Collection[Fraction]) -> int | None:
    """The latest earlier step with this result; None for a number from the question or of unknown origin."""
    value = _value(text)
    if value is None or value in known:
        return None
    return next((place for place in range(len(results) - 1, -1, -1) if results[place] == value), None)


def _value(text: str) -> Fraction | None:
    try:
        return number(text)
    except Unreadable:
        return None


def _equations(steps: list[MarkedStep]) -> str:
    return "\n".join(f"{step.left}={step.right}" for step in steps)


def _program(steps: list[MarkedStep]) -> str:
    lines = [f"v{place + 1} = {_python(step.written(_variable))}" for place, step in enumerate(steps)]
    return "\n".join([*lines, f"print({_variable(len(steps) - 1)})"])


def _system(steps: list[MarkedStep]) -> str:
    lines = [f"x{place + 1} = {_python(step.written(_unknown))}" for place, step in enumerate(steps)]
    return "\n".join([*lines, f"answer = {_unknown(len(steps) - 1)}"])


def _python(expression: str) -> str:
    """Rewrite arithmetic as a Python expression.

    Raises:
        ValueError: the expression contains something that Python's arithmetic lacks.
    """
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", expression).replace("×", "*").replace("÷", "/").replace("^", "**")
    plain = re.sub(r"(\d+(?:\.\d+)?|\b[vx]\d+)\s*%", r"\1/100", re.sub(r"(?<=\d)\s*x\s*(?=[\d(])", "*", plain))
    if not re.fullmatch(r"(?:[\d.+\-*/() ]|[vx]\d+)+", plain):
        raise ValueError(f"{expression!r} is not plain arithmetic")
    return plain


def _variable(place: int) -> str:
    return f"v{place + 1}"


def _unknown(place: int) -> str:
    return f"x{place + 1}"


def _guide(body: str, steps: list[MarkedStep]) -> str:
    """Numbered steps in the rationale's own words, with `(result K)` in place of the result of step K.

    Raises:
        ValueError: there are too few or too many steps, a line has several equations, or the words still give a result.
    """
    lines = [line.strip() for line in body.splitlines() if MARK.search(line)]
    if len(steps) not in GUIDE_STEPS:
        raise ValueError(f"a guide has {GUIDE_STEPS.start} to {GUIDE_STEPS.stop - 1} steps, and it has {len(steps)}")
    if len(lines) != len(steps):
        raise ValueError("a line has several marked equations, so its steps cannot be told apart")
    return "\n".join(f"{place + 1}. {_without_results(line, place, steps)}" for place, line in enumerate(lines))


def _without_results(line: str, place: int, steps: list[MarkedStep]) -> str:
    mark = MARK.search(line)
    assert mark is not None
    before = _BEFORE_MARK.sub("", line[: mark.start()])
    text = before + _AFTER_MARK.sub("", line[mark.end() :], count=1)
    earlier = {value: at + 1 for at in range(place) if (value := _value(steps[at].right)) is not None}
    used = {earlier_step + 1 for earlier_step in steps[place].uses.values()}

    def named(match: re.Match[str]) -> str:
        at = earlier.get(value) if (value := _value(match[0])) is not None else None
        return f"(result {at})" if at in used else match[0]

    text = _NUMBER.sub(named, text)
    own = _value(steps[place].right)
    if any(_value(found[0]) == own for found in _NUMBER.finditer(text)) and own is not None:
        raise ValueError(f"step {place + 1} gives its own result away: {text!r}")
    return text


FORMS: dict[str, Callable[[list[MarkedStep]], str]] = {
    "words": lambda steps: "",
    "equations": _equations,
    "program": _program,
    "system": _system,
    "system_and_program": lambda steps: f"{_system(steps)}\n\n{_program(steps)}",
    "guide": lambda steps: "",
}
"""Maps a form's name in a config to the function that makes it from the steps; for `words` and `guide`, `in_form` makes
it from the rationale."""
