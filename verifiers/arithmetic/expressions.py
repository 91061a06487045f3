"""Exact arithmetic on text that nobody vouches for: numbers, expressions, the tolerance of written results.

Values are `fractions.Fraction`, so `0.1+0.2=0.3` is true and `1/3=0.3333` is a rounding. All work is bounded: a number
has at most `MAX_DIGITS` digits, an exponent is an integer of at most `MAX_EXPONENT`, a value has at most `MAX_BITS`
bits, brackets nest at most `MAX_DEPTH` deep, an expression has at most `MAX_TOKENS` tokens. Whatever passes a bound
raises `Unreadable`: it is not called false, it is not looked at.

`verifiers.arithmetic.parser` parses expressions, never with `eval`: operators `+ - * / ^ **` and their typographic,
LaTeX and word forms, brackets, `\\frac{a}{b}`, mixed numbers (`1 1/2`), `%`, `20% of 50`, and the units that people
write between numbers (`11 cups - 9 cups`).

A percent sign is read in two ways, as a hundredth (`20% of 50 = 10`) and as a unit (`100% - 20% = 80%`,
`1/4*100 = 25%`), because writers use both; a `Value` holds both readings. So does `million`
with its kind: `2*10 = 20 million`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from verifiers.arithmetic.tokens import NUMBER

MAX_DIGITS = 40
MAX_EXPONENT = 64
MAX_BITS = 2048
MAX_TOKENS = 400


class Unreadable(ValueError):
    """The text is no arithmetic that this module reads, or passes one of its bounds."""


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression comes to.

    Attributes:
        exact: with percent signs as hundredths and `million` as a factor.
        as_unit: with both as units like any other.
        decimals: digits after the point where the expression is a single number, else None.
        operands: the numbers in it, in order, percent signs as hundredths.
        operations: how many operators it has.
        additive: whether one of them is + or -.
        words: the words in it, in lower case: units and the like.
        scaled: whether it has a percent sign or a word like `million`.
    """

    exact: Fraction
    as_unit: Fraction
    decimals: int | None
    operands: tuple[Fraction, ...]
    operations: int
    additive: bool
    words: tuple[str, ...]
    scaled: bool


def number(text: str) -> Fraction:
    """The value of a plain decimal: `1,234.5`, `.5`, `1.5e3`.

    Raises:
        Unreadable: it is no number, or has more than `MAX_DIGITS` digits.
    """
    if not re.fullmatch(NUMBER, text):
        raise Unreadable(f"{text[:40]!r} is not a number")
    if len(text) > MAX_DIGITS + MAX_DIGITS // 3:
        raise Unreadable("a number of too many digits")
    return bounded(Fraction(text.replace(",", "")))


def rounds_to(exact: Fraction, written: Fraction, decimals: int | None, *, approximate: bool = False) -> bool:
    """Whether a writer may write `written` for a result of `exact`. The rule:

    - equal is equal;
    - a result written with d >= 1 decimals may be `exact` rounded at the d-th, a tie either way: `2/3=0.67`;
    - a whole number must be exact, unless the writer says about (`≈`): then it may be rounded too;
    - a result of 12 decimals or more was printed by a machine: a relative error of 1e-12 passes.

    Args:
        exact: the true value.
        written: the value that the text states.
        decimals: its digits after the point; None where it is no plain number, then only equal is equal.
        approximate: the equation's sign is `≈`.
    """
    if exact == written:
        return True
    if decimals is None or (decimals == 0 and not approximate):
        return False
    error = abs(exact - written)
    if decimals >= 12:
        return error <= abs(exact) / 10**12
    return error <= Fraction(1, 2 * 10**decimals)


def bounded(value: Fraction) -> Fraction:
    """A value that is within the bounds.

    Raises:
        Unreadable: it has more than `MAX_BITS` bits.
    """
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise Unreadable("a number that is too large")
    return value
