"""What an answer can be once it is read.

`verifiers.answer.structure` builds these parts and `verifiers.algebra.equality` compares them.
A number is a `verifiers.answer.numbers.Number`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Unparsable(ValueError):
    """The text is no answer that can be read."""


@dataclass(frozen=True, slots=True)
class Words:
    """An answer in words, or one letter; `symbol` says that it may also be read as a variable."""

    words: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Several answers.

    Attributes:
        kind: list, tuple, set, union, ratio, or an interval's brackets `[]`, `(]`, `[)`, `()`; sequence for a list with
            dots (`1, 2, \\ldots, n`); cases for what is defined piecewise, whose items are of kind case, a value and
            its condition; congruence for a residue and its modulus.
        items: the answers.
        text: how they were written.
    """

    kind: str
    items: tuple[Any, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """A value with its name: `x = 5`, `f(x) = x^2`, `x \\in (0, 1)`."""

    name: str
    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix by rows."""

    rows: tuple[tuple[Any, ...], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base."""

    digits: str
    base: str


@dataclass(frozen=True, slots=True)
class Expression:
    """What needs algebra: an expression, or with `relation` an equation, an inequality or a set."""

    text: str
    unit: tuple[str, ...] | None = None
    relation: bool = False


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day: hours and minutes as written, seconds if given, and `a` or `p` where it says am or pm."""

    hours: int
    minutes: int
    seconds: int = 0
    half: str = ""


@dataclass(frozen=True, slots=True)
class Either:
    """An answer that can be read in more than one way, such as `0,1`.

    Attributes:
        readings: what it may be, the likeliest first.
        as_gold: how many of them, from the first, count where it is a gold.
    """

    readings: tuple[Any, ...]
    as_gold: int = 1


def expressions(value: Any) -> list[str]:
    """The texts in an answer that need algebra to be read."""
    if isinstance(value, Expression):
        return [value.text]
    if isinstance(value, Named):
        return expressions(value.value)
    if isinstance(value, Either):
        return [text for reading in value.readings for text in expressions(reading)]
    if isinstance(value, Group):
        return [text for item in value.items for text in expressions(item)]
    if isinstance(value, Matrix):
        return [text for row in value.rows for item in row for text in expressions(item)]
    return []


def is_interval(value: Any) -> bool:
    """Whether a value is an interval, a union of some, or what may be read as one."""
    return isinstance(value, Group) and value.kind in ("()", "(]", "[)", "[]", "union")
