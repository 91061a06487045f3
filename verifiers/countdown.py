"""Countdown: an expression in the given numbers that comes to the target, checked in exact rationals.

The expression is read by `verifiers.arithmetic.expressions`, never evaluated as code; `+ - * /` and brackets are
allowed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from verifiers.arithmetic.equations import show
from verifiers.arithmetic.expressions import Unreadable, evaluate, number
from verifiers.verdict import Verdict, abstained, judged

TAIL = 4_000
"""Characters that are read, from the end."""

_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL | re.IGNORECASE)
_MARK = re.compile(r"####|\\boxed\s?\{|(?:answer|solution|expression|equation)\s?(?:is|was|:|=)\s?:?", re.IGNORECASE)
_EXPRESSION = re.compile(r"[-+(\[\d][-+*/^×÷−·∙⋅–xX().\[\]\d \t]*")
_MOST_STATES = 200_000


def verify(prediction: str, gold: str, *, numbers: str | Sequence[Any], use: str = "all") -> Verdict:
    """Judge an expression: 1 where it comes to the gold and uses each given number as often as allowed, else 0.

    Read is the last `<answer>…</answer>`, `\\boxed{…}`, `#### …` or `answer is …`, else the last line that holds an
    expression; what follows an equal sign (`(8-4)*6 = 24`) is left out.

    Args:
        prediction: the completion.
        gold: the target.
        numbers: the numbers given: a list, or a text such as `4 7 8 8` or `[4, 7, 8, 8]`.
        use: `all`, each number exactly once; `any`, each at most once.

    Returns:
        Judged, with `extracted` the expression; abstained where the gold or `numbers` is no number.

    Raises:
        ValueError: `use` is neither.
    """
    if use not in ("all", "any"):
        raise ValueError(f"use is 'all' or 'any', not {use!r}")
    try:
        target, available = number(str(gold).strip()), given(numbers)
    except Unreadable as error:
        return abstained(f"the target or the given numbers do not read: {error}")
    expression = _expression(prediction)
    if expression is None:
        return judged(0.0, "no expression in the answer")
    if "**" in expression or "^" in expression:
        return judged(0.0, "powers are not allowed", extracted=expression)
    try:
        value = evaluate(expression)
    except ZeroDivisionError:
        return judged(0.0, "divides by zero", extracted=expression)
    except Unreadable as error:
        return judged(0.0, f"no expression: {error}", extracted=expression)
    used = Counter(value.operands)
    allowed = Counter(available)
    if extra := used - allowed:
        name = show(next(iter(extra)))
        reason = f"uses {name} more often than it is given" if next(iter(extra)) in allowed else f"{name} is not given"
        return judged(0.0, reason, extracted=expression)
    if use == "all" and (missing := allowed - used):
        return judged(0.0, f"leaves out {show(next(iter(missing)))}", extracted=expression)
    right = value.exact == target
    return judged(right, "right" if right else f"comes to {show(value.exact)}", extracted=expression)


def gold_prediction(gold: str, *, numbers: str | Sequence[Any], use: str = "all") -> str:
    """An expression that reaches the target, found by search.

    Raises:
        ValueError: there is none, or none was found among the first 200,000 states.
    """
    target, start = number(str(gold).strip()), [(value, show(value)) for value in given(numbers)]
    for whole in (True, False):  # positive whole numbers alone are far fewer states, and do nearly always
        if found := _search(start, target, use, whole):
            return found
    raise ValueError(f"no expression in {numbers} that comes to {gold} was found")


def _search(start: list[tuple[Fraction, str]], target: Fraction, use: str, whole: bool) -> str | None:
    waiting: list[tuple[tuple[Fraction, str], ...]] = [tuple(start)]
    seen: set[tuple[Fraction, ...]] = set()
    while waiting and len(seen) < _MOST_STATES:
        state = waiting.pop()
        for value, text in state if use == "any" else (state if len(state) == 1 else ()):
            if value == target:
                return text
        for first in range(len(state)):
            for second in range(first):
                rest = tuple(item for index, item in enumerate(state) if index not in (first, second))
                for value, text in _combined(state[first], state[second]):
                    if whole and (value <= 0 or value.denominator != 1):
                        continue
                    after = (*rest, (value, text))
                    key = tuple(sorted(item[0] for item in after))
                    if (len(key) > 1 or key == (target,) or use == "any") and key not in seen:
                        seen.add(key)
                        waiting.append(after)
    return None


def given(numbers: str | Sequence[Any]) -> list[Fraction]:
    """The given numbers.

    Raises:
        Unreadable: one is no number, or there are none.
    """
    if isinstance(numbers, str):
        numbers = json.loads(numbers) if numbers.lstrip().startswith("[") else numbers.replace(",", " ").split()
    values = [number(str(item)) for item in numbers]
    if not values:
        raise Unreadable("no numbers are given")
    return values


def _expression(prediction: str) -> str | None:
    tail = prediction[-TAIL:]
    if tagged := _ANSWER.findall(tail):
        return _left_side(tagged[-1])
    if marks := list(_MARK.finditer(tail)):
        return _left_side(tail[marks[-1].end() :])
    for line in reversed(tail.strip().split("\n")[-50:]):
        if found := _left_side(line):
            return found
    return None


def _left_side(text: str) -> str | None:
    """The first expression of a text with an operator in it, else the first number; None where there is neither."""
    found = [match.group().strip() for match in _EXPRESSION.finditer(text[:2000])]
    found = [_balanced(expression) for expression in found if any(c.isdigit() for c in expression)]
    with_operator = [expression for expression in found if re.search(r"\d\s*[)\]]*\s*[-+*/^×÷−·∙⋅–xX]", expression)]
    return next(iter(with_operator or found), None)


def _balanced(expression: str) -> str:
    """An expression without a bullet, the sentence's full stop, and brackets that it does not open itself."""
    expression = re.sub(r"^[-–]\s+", "", expression).rstrip(" .xX\t")
    while expression.endswith((")", "]")) and expression.count(expression[-1]) > expression.count(
        "(" if expression[-1] == ")" else "["
    ):
        expression = expression[:-1].rstrip(" .")
    return expression


def _combined(left: tuple[Fraction, str], right: tuple[Fraction, str]) -> list[tuple[Fraction, str]]:
    (a, one), (b, two) = left, right
    results = [
        (a + b, f"({one} + {two})"),
        (a * b, f"({one} * {two})"),
        (a - b, f"({one} - {two})"),
        (b - a, f"({two} - {one})"),
    ]
    if b:
        results.append((a / b, f"({one} / {two})"))
    if a:
        results.append((b / a, f"({two} / {one})"))
    return results
