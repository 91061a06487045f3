r"""Countdown: an expression in the given numbers whose value is the target, checked in exact rationals.

`verifiers.arithmetic.expressions` reads the expression, which is never evaluated as code. `+ - * /` and brackets are
allowed, with the signs and commands that people and LaTeX use for them (`×`, `÷`, `−`, `\times`, `\cdot`, `\div`,
`\frac{a}{b}`, `\left(`).

These places are read in turn: stated answers (`verifiers.answer.reader`), what follows `solution:`, `expression is` and
the like, and then the lines from the last one up; the first that holds an expression decides. In an equation
(`(8-4)*6 = 24`, `24 = (8-4)*6`) the side with operators counts. Of several expressions, the last one with the right
count of numbers is taken, or else the first. A stated target alone (`so the answer is 24`) states no expression, so the
search goes on. The rules in the verdict are those of `docs/verifiers.md`: `cue` for what follows `solution:` and the
like, `line` for the last line, `last` for a line above it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from verifiers.answer.completion import answering_part
from verifiers.answer.reader import stated
from verifiers.answer.span import Span
from verifiers.arithmetic.equations import show
from verifiers.arithmetic.expressions import Unreadable, number
from verifiers.arithmetic.parser import evaluate
from verifiers.verdict import Verdict, abstained, judged

TAIL = 4_000
"""Characters of the answering part that are read, from its end."""

_MARK = re.compile(r"\b(?:solution|expression|equation)s?\s?(?:is|was|:|=)\s?:?", re.IGNORECASE)
_EXPRESSION = re.compile(r"[-+(\[\d−–][-+*/^×÷−·∙⋅∗•–xX().\[\]\d \t]*")
_OPERATOR = re.compile(r"\d\s*[)\]]*\s*[-+*/^×÷−·∙⋅∗•–xX]\s*[(\[\d+−–-]")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_COMMANDS = [
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])\s*|(?<=[\d)\]])\s+times\s+(?=[(\[\d])|(?<=\s)[•∗](?=\s)"), "*"),
    (re.compile(r"\\div(?![A-Za-z])\s*|(?<=[\d)\]])\s+(?:divided by|over)\s+(?=[(\[\d])"), "/"),
    (re.compile(r"(?<=[\d)\]])\s+plus\s+(?=[(\[\d])"), "+"),
    (re.compile(r"(?<=[\d)\]])\s+minus\s+(?=[(\[\d])"), "-"),
    (re.compile(r"\\(?:left|right|[Bb]igg?[lr]?|displaystyle|quad|qquad)(?![A-Za-z])|\\[,;:!]|\$|`"), ""),
    (re.compile(r"\\[()\[\]]"), " ; "),
    (re.compile(r"\\(?:boxed|fbox|text|mathrm|mathbf|textbf)\s*\{"), " {"),
    (re.compile(r"(?m)^\s*(?:[-*•>]|\(?\d{1,2}[.):])\s+(?=\S*\d)"), ""),
]
_MOST_STATES = 200_000


def verify(
    prediction: str, gold: str, *, numbers: str | Sequence[Any], strict: bool = False, use: str = "all"
) -> Verdict:
    """Judge an expression: 1 where it comes to the gold and uses each given number as often as allowed, else 0.

    Args:
        prediction: the completion.
        gold: the target.
        numbers: the numbers given: a list, or a text such as `4 7 8 8` or `[4, 7, 8, 8]`.
        strict: take an expression only from a place where an answer is stated.
        use: `all`, each number exactly once; `any`, each at most once.

    Returns:
        Judged, with the expression in `extracted` and the rule that found it in `rule`; abstained where the gold or
        `numbers` is no number.

    Raises:
        ValueError: `use` is neither.
    """
    if use not in ("all", "any"):
        raise ValueError(f"use is 'all' or 'any', not {use!r}")
    try:
        target, available = number(str(gold).strip()), given(numbers)
    except Unreadable as error:
        return abstained(f"the target or the given numbers do not read: {error}")
    found = _expression(prediction, len(available), target if target not in available else None, strict=strict)
    if found is None:
        return judged(0.0, "no expression in the answer")
    score, reason = _judge(found.text, target, available, use)
    return judged(score, reason, extracted=found.text, rule=found.rule)


def _judge(expression: str, target: Fraction, available: Sequence[Fraction], use: str) -> tuple[float, str]:
    """The score of an expression, and why."""
    if "**" in expression or "^" in expression:
        return 0.0, "powers are not allowed"
    try:
        value = evaluate(expression)
    except ZeroDivisionError:
        return 0.0, "divides by zero"
    except Unreadable as error:
        return 0.0, f"no expression: {error}"
    used = Counter(value.operands)
    allowed = Counter(available)
    if extra := used - allowed:
        name = show(next(iter(extra)))
        reason = f"uses {name} more often than it is given" if next(iter(extra)) in allowed else f"{name} is not given"
        return 0.0, reason
    if use == "all" and (missing := allowed - used):
        return 0.0, f"leaves out {show(next(iter(missing)))}"
    right = value.exact == target
    return float(right), "right" if right else f"comes to {show(value.exact)}"


def gold_prediction(gold: str, *, numbers: str | Sequence[Any], use: str = "all") -> str:
    """An expression that reaches the target, found by search.

    Args:
        gold: the target.
        numbers: the numbers given, as for `verify`.
        use: `all`, each number exactly once; `any`, each at most once.

    Returns:
        The expression.

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


def _expression(prediction: str, numbers: int, target: Fraction | None, *, strict: bool) -> Span | None:
    """The expression that a completion gives, and the rule that found it.

    Args:
        prediction: the completion.
        numbers: how many numbers are given.
        target: a number that alone is no expression; None where it is one.
        strict: only where an answer is stated.
    """
    part = answering_part(prediction)[-TAIL:]
    stated_last: Span | None = None
    for place in _places(part, strict=strict):
        found = _candidates(place.text)
        with_operator = [expression for expression in found if _OPERATOR.search(expression)]
        full = [expression for expression in with_operator if len(re.findall(r"\d+", expression)) == numbers]
        if with_operator:
            return Span(full[-1] if full else with_operator[0], place.rule)
        if found and _value_of(found[0]) != target:
            return Span(found[0], place.rule)
        stated_last = stated_last or (Span(found[0], place.rule) if found else None)
    return stated_last


def _places(part: str, *, strict: bool) -> Iterator[Span]:
    """The places that may hold the expression, the strongest first; with `strict`, only where an answer is stated."""
    yield from stated(part)
    if strict:
        return
    for mark in list(_MARK.finditer(part))[:-4:-1]:
        yield Span(part[mark.end() :].strip().partition("\n")[0], "cue")
    last, *before = reversed(part.strip().split("\n")[-50:])
    yield Span(last, "line")
    for line in before:
        yield Span(line, "last")


def _candidates(text: str) -> list[str]:
    """The expressions in a text, from left to right."""
    found = [match.group().strip() for match in _EXPRESSION.finditer(_without_latex(text[:2000]))]
    return [_balanced(expression) for expression in found if any(c.isdigit() for c in expression)]


def _without_latex(text: str) -> str:
    """The text with LaTeX's and people's words for operators as signs, and fractions as quotients."""
    for pattern, sign in _COMMANDS:
        text = pattern.sub(sign, text)
    for _ in range(10):  # from the inside out
        text, changed = _FRACTION.subn(lambda m: f"(({m[1] or m[2]})/({m[3] or m[4]}))", text)
        if not changed:
            break
    return text


def _value_of(expression: str) -> Fraction | None:
    try:
        return evaluate(expression).exact
    except (Unreadable, ZeroDivisionError):
        return None


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
