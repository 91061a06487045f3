"""A number within a tolerance: the last number that a completion states against the gold number.

Fast and plain: no units, no expressions beyond a fraction (`3/4`); for those there is `math`.
"""

from __future__ import annotations

import re
from fractions import Fraction

from verifiers.arithmetic.expressions import Unreadable, number
from verifiers.verdict import Verdict, abstained, judged

TAIL = 20_000
"""Characters that are read, from the end: an answer stands there."""

_PLAIN = r"\d{1,3}(?:,\d{3}){1,13}(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SIGNED = re.compile(
    rf"(?<![\w.])([-+−]?)\\?[$£€]?\s?((?:{_PLAIN})(?:[eE][+-]?\d{{1,3}}(?![\w.]))?)(?:\s?/\s?(\d{{1,40}})(?![\d/.]))?"
)
_PART = re.compile(r"\s?(?:\^|\*\*|!(?![\s!]|$)|\\times|\\cdot)")
"""What follows a number that is a part of an expression: it is not the answer."""
_FRACTION = re.compile(r"([-+−]?)\\[dt]?frac\{(-?\d{1,40})\}\{(\d{1,40})\}")
_MARK = re.compile(r"####|\\boxed\s?\{|(?:final |correct )?answer\s?(?:is|was|:|=)", re.IGNORECASE)


def verify(prediction: str, gold: str, *, absolute: float = 0.0, relative: float = 0.0) -> Verdict:
    """Judge a number: 1 where it is within either tolerance of the gold number, else 0.

    What counts is the last number after the last `####`, `\\boxed{` or `answer is` where one follows, else the last
    number of the text. Only the last 20,000 characters are read. `nan` and infinities are no numbers.

    Args:
        prediction: the completion.
        gold: the number, alone or at the end of a text.
        absolute: the answer may be this far from the gold.
        relative: it may be this fraction of the gold away from it.

    Returns:
        Judged; abstained where the gold holds no number. `extracted` is the answer as it was written.

    Raises:
        ValueError: a tolerance is negative or no number.
    """
    if not (absolute >= 0 and relative >= 0):
        raise ValueError(f"a tolerance is at least 0, not absolute={absolute}, relative={relative}")
    want = last_number(gold)
    if want is None:
        return abstained("the gold holds no number")
    found = last_number(prediction)
    if found is None:
        return judged(0.0, "no number in the answer")
    value, written = found
    error = abs(value - want[0])
    close = error <= Fraction(absolute) or error <= abs(want[0]) * Fraction(relative)
    return judged(close, "right" if close else "another number", extracted=written)


def last_number(text: str) -> tuple[Fraction, str] | None:
    """The answer of a text as a number, and as it is written there; None where there is none.

    See `verify` for which number it is. Where it is part of a power or a factorial, or has too many digits, there is
    none: an earlier number is not the answer instead.
    """
    tail = text[-TAIL:]
    marks = list(_MARK.finditer(tail))
    if marks and (after := _numbers(tail[marks[-1].end() :])):
        value, written = after[0]
    elif found := _numbers(tail):
        value, written = found[-1]
    else:
        return None
    return None if value is None else (value, written)


def _numbers(text: str) -> list[tuple[Fraction | None, str]]:
    """The numbers of a text in order, with None as the value of one that cannot be read."""
    found: list[tuple[int, Fraction | None, str]] = []
    for match in _FRACTION.finditer(text):
        value = Fraction(int(match[2]), int(match[3])) if int(match[3]) else None
        found.append((match.start(), _signed(value, match[1]), match.group()))
    for match in _SIGNED.finditer(_FRACTION.sub(lambda m: " " * len(m.group()), text)):
        found.append((match.start(), _signed(_value(match, text), match[1]), match.group().strip()))
    return [(value, written) for _, value, written in sorted(found, key=lambda item: item[0])]


def _value(match: re.Match[str], text: str) -> Fraction | None:
    before = text[max(0, match.start() - 2) : match.start()]
    if _PART.match(text, match.end()) or before.endswith(("^", "^{", "**")):
        return None
    try:
        value = number(match[2])
    except Unreadable:
        return None
    if match[3]:
        return value / int(match[3]) if int(match[3]) else None
    return value


def _signed(value: Fraction | None, sign: str) -> Fraction | None:
    return -value if value is not None and sign in ("-", "−") else value
