"""Finds the equations in running text and says of each whether it is true.

`Then he has 5 + 3 = 8 apples` holds one; so does `\\[ \\frac{12}{4} \\times 2 = 6 \\]`, and `<<5+3=8>>8`, where the
marks are GSM8K's calculator annotations. `a = b = c` holds two, one for each sign.

An equation is *true* or *false* where both sides are plain arithmetic, and *unread* (`true` is None) where a side has a
variable, a name, or something else that is not a number (`4x = 100`, `cost * 3 = 12`), mixes units of one dimension
(`2 hours + 30 minutes = 150 minutes`), or stands beside a word that changes it (`half of 10 + 2 = 7`). What only
gives a name or a unit (`Total = 20`, `60 minutes = 1 hour`) is no equation here.

Time is linear in the text: each token is parsed at most a few times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from verifiers.arithmetic.expressions import MAX_TOKENS, Unreadable, Value, number, rounds_to
from verifiers.arithmetic.parser import parse
from verifiers.arithmetic.tokens import Token, tokenize

MAX_EQUATIONS = 2000
"""Equal signs in a text past which it is not read."""

MARK = re.compile(r"<<([^<>\n]{0,400})>>")
_COPY = re.compile(
    r"\s?[$£€]?\s?(-?(?:\d{1,3}(?:,\d{3}){1,13}|\d{1,40})(?:\.\d{1,40})?|-?\.\d{1,40})(?!\d|,\d|\s?/\s?\d)(\s?%)?"
)
_CHANGING = frozenset(
    {
        "half",
        "third",
        "quarter",
        "fourth",
        "fifth",
        "twice",
        "thrice",
        "double",
        "doubled",
        "triple",
        "tripled",
        "square",
        "root",
    }
)
_COMPOUND = frozenset({"and", "remainder", "r"})
_DIMENSIONS = {
    "time": "second seconds sec minute minutes min mins hour hours hr hrs day days week weeks month months year years",
    "length": "inch inches foot feet yard yards mile miles mm cm m km meter meters kilometer kilometers centimeters",
    "mass": "ounce ounces oz pound pounds lb lbs gram grams g kg kilogram kilograms ton tons",
    "money": "dollar dollars cent cents penny pennies nickel nickels dime dimes quarter quarters",
    "volume": "ml liter liters l cup cups pint pints quart quarts gallon gallons",
    "count": "dozen dozens pair pairs",
}
_UNITS = {unit: dimension for dimension, units in _DIMENSIONS.items() for unit in units.split()}


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation in a text.

    Attributes:
        start: its first character.
        end: one past its last.
        true: whether it holds by `verifiers.arithmetic.expressions.rounds_to`; None where it is not plain arithmetic.
        reason: a few words on why.
        operands: the numbers on its left side; empty where unread.
        result: the number written on its right side; None where unread.
        marked: whether it is a `<<…>>` annotation.
    """

    start: int
    end: int
    true: bool | None
    reason: str
    operands: tuple[Fraction, ...] = ()
    result: Fraction | None = None
    marked: bool = False


def equations(text: str) -> list[Equation]:
    """All equations of a text, in order. An equation that a mark repeats (`5+3=<<5+3=8>>8`) is one with the mark.

    Raises:
        Unreadable: the text has more than `MAX_EQUATIONS` equal signs.
    """
    if text.count("=") + text.count("≈") > MAX_EQUATIONS:
        raise Unreadable(f"more than {MAX_EQUATIONS} equations")
    marks = [_marked(text, match) for match in MARK.finditer(text)]
    if not marks:
        return _in_running_text(text)
    masked = MARK.sub(lambda match: " " * len(match.group()), text)
    found: list[Equation] = []
    running = iter([*_in_running_text(masked), None])
    free = next(running)
    for mark in marks:
        while free is not None and free.end <= mark.start:
            found.append(free)
            free = next(running)
        while free is not None and free.start < mark.end:  # it repeats the mark beside it: one step, wrong if either is
            if mark.true and free.true is False:
                mark = Equation(mark.start, mark.end, False, free.reason, mark.operands, mark.result, True)
            free = next(running)
        found.append(mark)
    while free is not None:
        found.append(free)
        free = next(running)
    return found


def _marked(text: str, match: re.Match[str]) -> Equation:
    """A calculator annotation: an equation, or wrong; the number written right after it must repeat its result."""
    start, end = match.span()
    try:
        sides = [_whole(side) for side in match[1].split("=")]
    except Unreadable as error:
        return Equation(start, end, False, f"no arithmetic: {error}", marked=True)
    except ZeroDivisionError:
        return Equation(start, end, False, "divides by zero", marked=True)
    if len(sides) < 2:
        return Equation(start, end, False, "a mark without an equation", marked=True)
    result = sides[-1].exact
    operands = sides[0].operands
    for left, right in pairwise(sides):
        true, reason = _compare(left, right, approximate=False)
        if not true:
            return Equation(start, end, False, reason, operands, result, True)  # a mark is never left unread
    copy = _COPY.match(text, end)
    if copy and not _repeats(result, copy):
        reason = f"{copy[1]} is written after a result of {show(result)}"
        return Equation(start, end, False, reason, operands, result, True)
    return Equation(start, end, True, "right", operands, result, True)


def _whole(side: str) -> Value:
    tokens = tokenize(side)
    value, end = parse(tokens, 0)
    if end != len(tokens):
        raise Unreadable(f"{side.strip()[:40]!r} is not an expression")
    return value


def _repeats(result: Fraction, copy: re.Match[str]) -> bool:
    """Whether the number after a mark repeats its result: the same, rounded, cut to a whole, or as a percentage."""
    written = number(copy[1].lstrip("-")) * (-1 if copy[1].startswith("-") else 1)
    decimals = len(copy[1].partition(".")[2])
    if copy[2] and rounds_to(result * 100, written, decimals, approximate=True):
        return True
    return rounds_to(result, written, decimals, approximate=True) or (decimals == 0 and abs(result - written) < 1)


def _in_running_text(text: str) -> list[Equation]:
    tokens = tokenize(text)
    found: list[Equation] = []
    first = 0  # the first token of the segment between two signs or sentence ends
    for index, token in enumerate(tokens):
        if token.kind == "stop":
            first = index + 1
        elif token.kind in ("equal", "approx"):
            stop = index + 1
            while stop < len(tokens) and tokens[stop].kind not in ("stop", "equal", "approx"):
                stop += 1
            if equation := _around(text, tokens, max(first, index - MAX_TOKENS), index, min(stop, index + MAX_TOKENS)):
                found.append(equation)
            first = index + 1
    return found


def _around(text: str, tokens: Sequence[Token], first: int, sign: int, stop: int) -> Equation | None:
    """The equation at one sign, its left side in tokens `first` to `sign`, its right side in those up to `stop`."""
    if not any(token.kind == "number" for token in tokens[first:sign]):
        return None  # it only names something
    right_start = sign + 1
    if not any(token.kind == "number" for token in tokens[right_start:stop]):
        return None
    try:
        right, end = parse(tokens, right_start, stop)
        begin, left = _left(tokens, first, sign)
    except ZeroDivisionError:
        return Equation(tokens[first].start, tokens[stop - 1].end, False, "divides by zero")
    except Unreadable as error:
        return Equation(tokens[first].start, tokens[stop - 1].end, None, str(error))
    span = tokens[begin].start, tokens[end - 1].end
    if not left.operations and (left.words or begin > first or (right.words and not right.operations)):
        return None  # `60 minutes = 1 hour`, `the 5 of them = 4 + 1`: a unit or a name, not a claim of arithmetic
    true, reason = _compare(left, right, approximate=tokens[sign].kind == "approx")
    if true is False and (
        why := _unread(text[max(0, span[0] - 2) : span[1]], tokens, first, begin, end, stop, left, right)
    ):
        true, reason = None, why
    if true is None:
        return Equation(*span, None, reason)
    return Equation(*span, true, reason, left.operands, right.exact)


def _left(tokens: Sequence[Token], first: int, sign: int) -> tuple[int, Value]:
    """The longest expression that ends at the sign: the index of its first token, and its value.

    Raises:
        Unreadable: the words before the sign are no plain arithmetic.
    """
    start = _after_open_brackets(tokens, first, sign)
    if start == first and start < sign and tokens[start].kind == "op" and tokens[start].end < tokens[start + 1].start:
        start += 1  # a bullet, not a sign
    while start < sign:
        kind = tokens[start].kind
        if kind == "word":
            start += 1
        elif kind in ("number", "open", "frac") or (kind == "op" and tokens[start].text in "+-" and start == first):
            value, end = parse(tokens, start, sign)
            if end == sign:
                return start, value
            if (
                tokens[end].kind not in ("number", "word", "open")
                or tokens[end].start == tokens[end - 1].end
                or (tokens[end].kind == "number" and tokens[end - 1].kind in ("number", "close"))
            ):
                raise Unreadable(f"{tokens[end].text[:20]!r} is not arithmetic")
            start = end
        else:
            raise Unreadable(f"{tokens[start].text[:20]!r} is not arithmetic")
    raise Unreadable("no number before the sign")


def _after_open_brackets(tokens: Sequence[Token], first: int, sign: int) -> int:
    """The index after the last bracket that is opened and not closed, or closed and not opened."""
    opened: list[int] = []
    start = first
    for index in range(first, sign):
        if tokens[index].kind == "open":
            opened.append(index)
        elif tokens[index].kind == "close":
            if opened:
                opened.pop()
            else:
                start = index + 1
    return max(start, opened[-1] + 1) if opened else start


def _compare(left: Value, right: Value, *, approximate: bool) -> tuple[bool | None, str]:
    """Whether left equals right in either reading of their percent signs, and a reason."""
    if rounds_to(left.exact, right.exact, None if right.scaled else right.decimals, approximate=approximate):
        return True, "right"
    if left.scaled or right.scaled:
        if rounds_to(left.as_unit, right.as_unit, right.decimals, approximate=approximate):
            return True, "right"
        if rounds_to(left.exact * 100, right.as_unit, right.decimals, approximate=approximate) and right.scaled:
            return True, "right"
        if left.scaled and not right.scaled and left.additive:  # `200 - 10% = 180`
            return None, "a percentage of something unsaid"
    return False, f"it is {show(left.exact)}, not {show(right.exact)}"


def _unread(
    text: str, tokens: Sequence[Token], first: int, begin: int, end: int, stop: int, left: Value, right: Value
) -> str:
    """Why an equation that does not hold cannot be called false, or the empty string."""
    before = [token.text.lower() for token in tokens[max(first, begin - 3) : begin] if token.kind == "word"]
    if changing := _CHANGING.intersection(before):
        return f"{min(changing)!r} stands before it"
    after = [token for token in tokens[end : min(stop, end + 4)]]
    words = [token.text.lower() for token in after if token.kind == "word"]
    numbers_follow = any(token.kind == "number" for token in after)
    if words and numbers_follow and (words[0] in _COMPOUND or words[0] in _UNITS):
        return "a result in two parts"
    if after and after[0].kind in ("op", "bad", "open", "number", "percent"):
        return f"the result goes on with {after[0].text[:20]!r}"
    units = {*left.words, *right.words, *words[:1], *(["dollar"] if "$" in text else [])}
    measured: dict[str, set[str]] = {}
    for unit in units:
        for part in unit.strip("()").replace("/", " ").split():
            if part in _UNITS:
                measured.setdefault(_UNITS[part], set()).add(part.rstrip("s"))
    if any(len(kinds) > 1 for kinds in measured.values()) or "count" in measured:
        return "it mixes units"
    return ""


def show(value: Fraction) -> str:
    """A fraction for a reason: `12`, `0.5`, `1/3`, shortened when long."""
    text = str(value)
    if value.denominator != 1 and 10**6 % value.denominator == 0:
        text = f"{float(value):.6f}".rstrip("0")
    return text if len(text) <= 40 else f"{text[:37]}..."
