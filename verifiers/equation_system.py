"""Systems of equations that a model wrote: they are solved exactly, and the answer's value is compared with the gold.

`x1 = 48/2`, `x2 = 48 + x1`, `answer = x2` → 72. The model sets up the equations and the solver computes, as in
Equation-of-Thought distillation (Zhu et al. 2024, arXiv:2401.11864). `rl/tasks/forms.py` makes such systems.

A line with `=` between expressions of numbers, unknowns, `+ - * /` and brackets is an equation, or several (`x = 2*3 =
6`, `x = 3, y = 4`); other lines are ignored. What people write for these signs is read, too: `2x`, `3 × 4`, `1,000`,
`10%`, and a list's mark, `Let` or a dollar sign before them. An unknown is a word of letters, digits and underscores.
The answer is the unknown `answer`, or else the left side of the last equation if that is an unknown. The system must be
linear after known values are substituted.

- **A system without a unique solution is wrong**: if it contradicts itself, or leaves the answer open, it does not
  answer the question, and the reason says which.
- **Any contradiction counts**, even if the answer does not depend on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from verifiers.answer.completion import answering_part
from verifiers.numeric import gold_quantity
from verifiers.verdict import Verdict, abstained, judged

ONE_FORM = True

ANSWER = "answer"
MAX_EQUATIONS = 60
MAX_LENGTH = 300
MAX_BITS = 2048
_ONE = ""
"""The key of a form's constant part."""

_SIGNS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "$": "", "`": ""})
_MARK = re.compile(r"^\s*(?:[-*•]\s+(?=[A-Za-z_])|\(?[0-9]{1,2}[.):]\s+)")
_LEAD = re.compile(r"^\s*(?:(?:let|so|then|where|and|thus|therefore|hence)[,:]?\s+)+", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:times|cdot)(?![a-zA-Z])")
_FORMULA = re.compile(r"\\[()\[\]]")
_FINAL = re.compile(r"\b(?:the\s+)?final[ _]answer\b", re.IGNORECASE)
_GROUPING = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_PERCENT = re.compile(r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)\s?%")
_FACTOR = re.compile(r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)(?=[A-Za-z_(])(?![eE][0-9])|(?<=\))(?=[(\w])")
"""A factor without a sign for times: `2x`, `3(x + 1)`."""

Linear = dict[str, Fraction]
"""Unknown → factor; `_ONE` → the constant part."""


class _Unread(ValueError):
    """A line that is no equation of this kind."""


class _NotLinear(ValueError):
    """A product or quotient of two unknowns that are not known yet."""


def verify(prediction: str, gold: str, *, relative: float = 1e-6) -> Verdict:
    """Judge a system of equations: 1 where its answer is the gold number, else 0.

    Args:
        prediction: the completion, an equation a line.
        gold: the number, alone or at the end of a text.
        relative: the answer may be this fraction of the gold away from it, for golds that were rounded.

    Returns:
        Judged, with the answer's value in `extracted`; abstained where the gold holds no number.

    Raises:
        ValueError: the tolerance is negative or no number.
    """
    if not relative >= 0:
        raise ValueError(f"a tolerance is a number of at least 0, got relative={relative}")
    want = gold_quantity(gold)
    if want is None or want.value is None:
        return abstained("the gold holds no number")
    equations = _equations(answering_part(prediction))
    if not equations:
        return judged(0.0, "no equation")
    if len(equations) > MAX_EQUATIONS:
        return judged(0.0, f"more than {MAX_EQUATIONS} equations")
    asked = _asked(equations)
    if asked is None:
        return judged(0.0, f"no unknown named {ANSWER}, and the last equation gives none")
    try:
        known = solved(equations)
    except _Unread as error:
        return judged(0.0, str(error))
    value = known.get(asked)
    if value is None:
        return judged(0.0, f"the equations leave {asked} open")
    shown = str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"
    close = abs(value - want.value) <= Fraction(relative) * abs(want.value)
    return judged(close, "right" if close else "another number", extracted=shown)


def gold_prediction(gold: str) -> str:
    """A system whose answer is the gold.

    Raises:
        ValueError: the gold holds no number.
    """
    quantity = gold_quantity(gold)
    if quantity is None or quantity.value is None:
        raise ValueError(f"{gold!r} holds no number")
    return f"{ANSWER} = {quantity.value}"


def solved(equations: list[tuple[ast.expr, ast.expr]]) -> dict[str, Fraction]:
    """The unknowns that the equations determine.

    Args:
        equations: left and right sides.

    Raises:
        ValueError: they contradict each other, divide by zero, or pass a bound on numbers.
    """
    known: dict[str, Fraction] = {}
    waiting = list(equations)
    rows: list[Linear] = []
    while True:
        later: list[tuple[ast.expr, ast.expr]] = []
        for left, right in waiting:
            try:
                rows.append(_minus(_linear(left, known), _linear(right, known)))
            except _NotLinear:
                later.append((left, right))
        before = len(known)
        known |= _determined(rows)
        if len(known) == before or not later:
            return known
        waiting = later


def _equations(text: str) -> list[tuple[ast.expr, ast.expr]]:
    found: list[tuple[ast.expr, ast.expr]] = []
    for line in text.splitlines():
        if "=" not in line or len(line) > MAX_LENGTH:
            continue
        line = _written_out(line)
        parts = re.split("[,;]", line)
        for part in parts if all("=" in part for part in parts) else [line]:
            try:
                sides = [ast.parse(side.strip(), mode="eval").body for side in part.split("=")]
                for side in sides:
                    _names(side)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            found += pairwise(sides)
    return found


def _written_out(line: str) -> str:
    """A line with the signs that Python has for what people write, and without what stands around an equation."""
    line = _FORMULA.sub("", _COMMAND.sub("*", line.partition("#")[0])).translate(_SIGNS)
    line = _LEAD.sub("", _MARK.sub("", line)).rstrip(" \t.,;")
    line = _PERCENT.sub(r"(\1/100)", _GROUPING.sub("", _FINAL.sub(ANSWER, line)))
    return _FACTOR.sub(r"\1*", line)


def _names(node: ast.expr) -> set[str]:
    """The unknowns of an expression.

    Raises:
        _Unread: it has something else than numbers, unknowns and the four operations.
    """
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return set()
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _names(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        return _names(node.left) | _names(node.right)
    raise _Unread("no expression of numbers and unknowns")


def _asked(equations: list[tuple[ast.expr, ast.expr]]) -> str | None:
    if any(ANSWER in _names(left) | _names(right) for left, right in equations):
        return ANSWER
    last = equations[-1][0]
    return last.id if isinstance(last, ast.Name) else None


def _linear(node: ast.expr, known: Mapping[str, Fraction]) -> Linear:
    """An expression as a linear form of the unknowns that are not known.

    Raises:
        _NotLinear: it is none.
        _Unread: it divides by zero, or a number in it is too large.
    """
    if isinstance(node, ast.Name):
        return {_ONE: known[node.id]} if node.id in known else {node.id: Fraction(1)}
    if isinstance(node, ast.Constant):
        return {_ONE: _bounded(Fraction(str(node.value)))}
    if isinstance(node, ast.UnaryOp):
        return _times(_linear(node.operand, known), Fraction(-1 if isinstance(node.op, ast.USub) else 1))
    assert isinstance(node, ast.BinOp)
    left, right = _linear(node.left, known), _linear(node.right, known)
    if isinstance(node.op, ast.Add):
        return _minus(left, _times(right, Fraction(-1)))
    if isinstance(node.op, ast.Sub):
        return _minus(left, right)
    if isinstance(node.op, ast.Mult):
        if not _constant(left):
            left, right = right, left
        if not _constant(left):
            raise _NotLinear
        return _times(right, left.get(_ONE, Fraction(0)))
    if not _constant(right):
        raise _NotLinear
    divisor = right.get(_ONE, Fraction(0))
    if not divisor:
        raise _Unread("the equations divide by zero")
    return _times(left, 1 / divisor)


def _constant(form: Linear) -> bool:
    return not any(factor for name, factor in form.items() if name != _ONE)


def _times(form: Linear, factor: Fraction) -> Linear:
    return {name: _bounded(own * factor) for name, own in form.items()}


def _minus(left: Linear, right: Linear) -> Linear:
    names = {**left, **right}
    return {name: _bounded(left.get(name, Fraction(0)) - right.get(name, Fraction(0))) for name in names}


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _Unread("a number that is too large")
    return value


def _determined(rows: list[Linear]) -> dict[str, Fraction]:
    """What linear equations determine (each form is zero), by Gauss-Jordan elimination.

    Raises:
        _Unread: they contradict each other.
    """
    pivots: dict[str, Linear] = {}
    for row in rows:
        for name, pivot in pivots.items():
            if factor := row.get(name):
                row = _minus(row, _times(pivot, factor))
        name = next((name for name, factor in row.items() if factor and name != _ONE), None)
        if name is None:
            if row.get(_ONE):
                raise _Unread("the equations contradict each other")
            continue
        row = _times(row, 1 / row[name])
        for other, pivot in pivots.items():
            if factor := pivot.get(name):
                pivots[other] = _minus(pivot, _times(row, factor))
        pivots[name] = row
    return {
        name: -row.get(_ONE, Fraction(0))
        for name, row in pivots.items()
        if not any(factor for other, factor in row.items() if other not in (_ONE, name))
    }
