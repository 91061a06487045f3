"""Finds the chains of a text: an expression, and what each equals sign after it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

from verifiers.answer.units import LARGE, UNITS, singular
from verifiers.arithmetic.expressions import Unreadable
from verifiers.arithmetic.parser import parse
from verifiers.arithmetic.plain_numbers import OTHER
from verifiers.arithmetic.tokens import Token, tokenize


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text.

    Attributes:
        value: what it comes to; None where it is no plain number. `28%` has the value 28.
        written: as it is written.
        percent: whether it has a percent sign.
        unit: its unit in the singular where `verifiers.answer.units` knows it.
        also: other values of the same quantity: `1 hour 30 minutes` is 1.5, and also 90; `2 dozen` is 2, and also 24.
        clock: hours and minutes of a time of day, and am or pm where it says so; it has no value.
        alone: whether nothing but words that carry no number of their own stands around it.
    """

    value: Fraction | None
    written: str
    percent: bool = False
    unit: str | None = None
    also: tuple[Fraction, ...] = ()
    clock: tuple[int, int, str] | None = None
    alone: bool = False


_FILLING = (
    "a an the about approximately around roughly exactly only just nearly almost over equal equals to total sum of is "
    "are be was that which it he she they there we i has have had will would get gets got makes make made exact approx "
    "least most precisely simply therefore thus so value amount number and then clearly now answer"
)
_FILLERS = frozenset(_FILLING.split())
_MORE = frozenset({"more", "full", "whole", "fewer", "less", "extra", "additional", "total"})
_JOINS = frozenset({"and", "or", "to", "nor", "versus", "vs", "through", "remainder"})
_AMBIGUOUS = frozenset({"in", "s", "h", "l", "m", "g"})
"""Words that are units only where nothing follows them: `5 in`, but not `5 in all`."""
_BEFORE = frozenset({"log", "ln", "sin", "cos", "tan", "sqrt"})
_BEHIND = frozenset({"mod", "modulo", "choose"})
"""Functions and operations in words, before and behind a number, that arithmetic cannot read."""
_MULTIPLIES = frozenset({"hundred", *LARGE})


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain in tokens `first` to `end`; its last side begins at token `side`."""

    first: int
    side: int
    end: int
    quantity: Quantity
    begins: bool
    joined: bool
    """Whether only a comma, a word like `or`, and a unit stand between it and the chain before."""
    units: int
    """How many words of its unit follow it."""


def chains_of(text: str) -> list[Chain]:
    """The chains of a text whose numbers are written plainly (`verifiers.arithmetic.plain_numbers.tidied`)."""
    tokens = tokenize(text)
    chains: list[Chain] = []
    at = 0
    while at < len(tokens):
        if not _starts(tokens, at):
            at += 1
            continue
        first, side = at, at
        value, percent, end = _side(tokens, at)
        while (sign := _sign_after(tokens, end)) is not None and _starts(tokens, sign + 1, after_sign=True):
            side = sign + 1
            value, percent, end = _side(tokens, side)
        last = end
        while last > side and tokens[last - 1].kind == "word" and tokens[last - 1].text.lower() not in _MULTIPLIES:
            last -= 1
        start, stop = tokens[side].start, tokens[last - 1].end
        words = [token.text.lower() for token in takewhile(_is_unit_word, tokens[last : last + 3])]
        value = None if words[:1] and words[0] in _BEHIND else value
        named = singular(words[words[0] in _MORE and len(words) > 1]) if words else ""
        closing = last + len(words) == len(tokens) or tokens[last + len(words)].kind == "stop"
        unit = named if named in UNITS and (closing or named not in _AMBIGUOUS) else None
        if unit is None and "$" in text[max(0, start - 2) : start + 2]:
            unit = "dollar"
        dozens = (value * 12,) if value is not None and words[:1] in (["dozen"], ["dozens"]) else ()
        quantity = Quantity(value, text[start:stop], percent, unit, dozens)
        between = tokens[chains[-1].end : first] if chains else tokens[:first]
        chains.append(
            Chain(
                first, side, end, quantity,
                begins=not chains and _only_fillers(tokens, first),
                joined=bool(chains) and first == side and _joins(between, chains[-1], tokens[first], unit),
                units=len(words),
            )
        )  # fmt: skip
        at = max(end, at + 1)
    return chains


def _is_unit_word(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() not in _JOINS


def _starts(tokens: Sequence[Token], at: int, *, after_sign: bool = False) -> bool:
    """Whether an expression begins at a token."""
    if at >= len(tokens):
        return False
    token = tokens[at]
    if token.kind in ("number", "frac"):
        return True
    if token.kind == "open":
        return at + 1 < len(tokens) and tokens[at + 1].kind in ("number", "open", "frac", "op")
    if (
        token.kind == "op"
        and token.text in "+-"
        and at + 1 < len(tokens)
        and tokens[at + 1].kind in ("number", "open", "frac")
    ):
        return after_sign or token.end == tokens[at + 1].start or at == 0
    return False


def _side(tokens: Sequence[Token], at: int) -> tuple[Fraction | None, bool, int]:
    """The value of the expression at a token (None where it has none), whether it is a percentage, and its end."""
    glued = at > 0 and _leads_in(tokens[at - 1], tokens[at])
    try:
        value, end = parse(tokens, at)
    except (Unreadable, ZeroDivisionError):
        end = at
        while end < len(tokens) and tokens[end].kind not in ("stop", "equal", "approx", "word"):
            end += 1
        return None, False, max(end, at + 1)
    percent = value.operations == 0 and any(token.kind == "percent" for token in tokens[at:end])
    exact = value.as_unit if percent else value.exact
    if end < len(tokens) and (_goes_on(tokens[end - 1], tokens[end]) or _and_more(tokens, end)):
        while end < len(tokens) and tokens[end].kind not in ("stop", "equal", "approx", "word"):
            end += 1
        return None, False, end
    return (None if glued else exact), percent, end


def _leads_in(before: Token, token: Token) -> bool:
    """Whether a token before a number makes it a part of something else: `XY2`, `x_2`, `√2`, `v1.2`."""
    touches = before.end == token.start
    if before.kind == "word" and before.text.lower() in _BEFORE:
        return True
    if before.kind == "bad":
        return before.text in (OTHER, "\\", "_", "^", ".", "@", "#", "<", ">")
    return touches and (before.kind in ("word", "number") or (before.kind == "op" and token.kind != "op"))


def _goes_on(last: Token, token: Token) -> bool:
    """Whether a token makes more of the expression before it than arithmetic can read: `7π`, `2x`, `3!5`."""
    touches = token.start == last.end
    if token.kind == "bad":
        return token.text == OTHER or (touches and token.end - token.start <= 2)
    return touches and token.kind in ("op", "open") and token.text in "^{("


def _and_more(tokens: Sequence[Token], end: int) -> bool:
    """Whether a plus sign behind a number says that it may be more: `40+`."""
    plus = tokens[end]
    touches = plus.kind == "op" and plus.text == "+" and plus.start == tokens[end - 1].end
    return touches and (
        end + 1 == len(tokens) or tokens[end + 1].kind in ("stop", "word") or tokens[end + 1].start > plus.end
    )


def _sign_after(tokens: Sequence[Token], end: int) -> int | None:
    """The index of the equals sign that follows an expression and its unit."""
    for index in range(end, min(end + 5, len(tokens))):
        if tokens[index].kind in ("equal", "approx"):
            return index
        if tokens[index].kind not in ("word", "close"):
            return None
    return None


def _only_fillers(tokens: Sequence[Token], first: int) -> bool:
    """Whether only words that say nothing of their own, or a name and an equals sign, stand before a token."""
    if first and tokens[first - 1].kind in ("equal", "approx"):
        return True
    return all(
        token.kind in ("open",) or (token.kind == "word" and token.text.lower() in _FILLERS) for token in tokens[:first]
    )


def _joins(between: Sequence[Token], before: Chain, token: Token, unit: str | None) -> bool:
    """Whether the chain that begins with a token is listed after another: `3, 4`, `5 apples and 3`, `1 hour 30`.

    Args:
        between: the tokens between the two.
        before: the chain before.
        token: the first token of the chain.
        unit: its unit.
    """
    if not between and token.kind == "open":
        return False  # `72 (48 + 24)`
    words = [token for token in between if token.kind == "word" and token.text.lower() not in _JOINS]
    rest = [token for token in between if token.kind not in ("word", "close", "open")]
    marks = [token for token in between if token.kind != "word" or token.text.lower() in _JOINS]
    if (before.first != before.side and before.quantity.unit is None) or any(
        token.text not in (",", ";", ":", "/", "&", "|", "-") for token in rest
    ):
        return False
    if not marks:
        return not words or (len(words) == 1 and before.quantity.unit is not None)
    if _smaller(unit, before.quantity.unit) and len(words) <= 1 and [mark.text for mark in marks] == [","]:
        return True  # `8 hours, 20 minutes`
    if (words or before.units) and not any(token.kind == "word" or token.text in (";", "/", "&") for token in marks):
        return False  # `5 apples, 3 of which are red`
    return len(words) <= 2 and all(word.start < mark.start for word in words for mark in marks)


def _smaller(unit: str | None, other: str | None) -> bool:
    """Whether a unit measures the same as another and is worth less."""
    one, two = UNITS.get(unit or ""), UNITS.get(other or "")
    return one is not None and two is not None and one[0] == two[0] and Fraction(one[1]) < Fraction(two[1])
