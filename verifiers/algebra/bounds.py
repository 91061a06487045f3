"""Arithmetic on real numbers that are known exactly or between two rationals, without ever writing a huge number.

A value is a closed interval of rationals, whose ends may be infinite; one with equal ends is exact. No number of more
than `MAX_BITS` bits is kept: past that, a value is known to be huge, or tiny and not zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

MAX_BITS = 1 << 15
"""Bits of the numerator and the denominator of the largest exact value."""
KEPT = 256
"""Bits of the bounds of a value that is not exact."""
HUGE = Fraction(1 << MAX_BITS)
"""A lower bound of the values that are too large to compute."""
TINY = 1 / HUGE
"""An upper bound of the values that are too small to compute."""
ONE = Fraction(1)


class Unknown(Exception):
    """The expression cannot be evaluated here."""


class Undefined(Exception):
    """The expression has no real value: it divides by zero, or takes the root of a negative number."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A real number between `low` and `high`; None stands for an infinite end.

    Attributes:
        low: the lower bound, inclusive.
        high: the upper bound, inclusive.
        nonzero: whether the number is known not to be zero, also where a bound is zero.
    """

    low: Fraction | None
    high: Fraction | None
    nonzero: bool = False

    @property
    def exact(self) -> Fraction | None:
        """The value where it is exact, else None."""
        return self.low if self.low == self.high else None

    @property
    def positive(self) -> bool:
        """Whether the number is certainly more than zero."""
        return self.low is not None and (self.low > 0 or (self.low == 0 and self.nonzero))

    @property
    def negative(self) -> bool:
        """Whether the number is certainly less than zero."""
        return self.high is not None and (self.high < 0 or (self.high == 0 and self.nonzero))

    def differs(self, other: Bounds) -> bool:
        """Whether the two numbers are certainly different."""
        for one, two in ((self, other), (other, self)):
            if one.high is not None and two.low is not None and one.high < two.low:
                return True
            if one.exact == 0 and two.nonzero:
                return True
        return (self.positive and other.negative) or (self.negative and other.positive)


def exactly(value: Fraction) -> Bounds:
    """The exact value."""
    return Bounds(value, value, value != 0)


def bounded(bounds: Bounds) -> Bounds:
    """Bounds whose ends have no more digits than are kept."""
    value = bounds.exact
    if value is not None and value.numerator.bit_length() <= MAX_BITS and value.denominator.bit_length() <= MAX_BITS:
        return bounds
    return Bounds(_down(bounds.low), _up(bounds.high), bounds.nonzero or bounds.positive or bounds.negative)


def _down(end: Fraction | None) -> Fraction | None:
    """A rational of few bits at or below an end."""
    if end is None or end.numerator.bit_length() + end.denominator.bit_length() <= 2 * KEPT:
        return end
    if end < 0:
        upper = _up(-end)
        return None if upper is None else -upper
    shift = end.numerator.bit_length() - end.denominator.bit_length()
    if shift > MAX_BITS:
        return HUGE
    if shift < -MAX_BITS:
        return Fraction(0)
    scale = Fraction(2) ** (KEPT - shift)
    return Fraction(math.floor(end * scale)) / scale


def _up(end: Fraction | None) -> Fraction | None:
    """A rational of few bits at or above an end; None where it is past every bound."""
    if end is None or end.numerator.bit_length() + end.denominator.bit_length() <= 2 * KEPT:
        return end
    if end < 0:
        return -(_down(-end) or Fraction(0))
    shift = end.numerator.bit_length() - end.denominator.bit_length()
    if shift > MAX_BITS:
        return None
    if shift < -MAX_BITS:
        return TINY
    scale = Fraction(2) ** (KEPT - shift)
    return Fraction(math.ceil(end * scale)) / scale


def add(a: Bounds, b: Bounds) -> Bounds:
    """The sum of two numbers.

    Args:
        a: bounds of the first term.
        b: bounds of the second term.

    Returns:
        Bounds of the sum, exact where both terms are.
    """
    low = None if a.low is None or b.low is None else a.low + b.low
    high = None if a.high is None or b.high is None else a.high + b.high
    nonzero = (
        (a.exact == 0 and b.nonzero)
        or (b.exact == 0 and a.nonzero)
        or (a.positive and b.positive)
        or (a.negative and b.negative)
        or (low is not None and low > 0)
        or (high is not None and high < 0)
    )
    return Bounds(low, high, nonzero)


def negative(a: Bounds) -> Bounds:
    """The value with the other sign."""
    return Bounds(None if a.high is None else -a.high, None if a.low is None else -a.low, a.nonzero)


def multiply(a: Bounds, b: Bounds) -> Bounds:
    """The product of two numbers.

    Args:
        a: bounds of the first factor.
        b: bounds of the second factor.

    Returns:
        Bounds of the product, exact where both factors are, or where one is zero.

    Raises:
        Unknown: a factor may have either sign, and an end is infinite.
    """
    if a.exact == 0 or b.exact == 0:
        return exactly(Fraction(0))
    if a.exact is not None and b.exact is not None:
        return exactly(a.exact * b.exact)
    nonzero = a.nonzero and b.nonzero
    if not (a.positive or a.negative) or not (b.positive or b.negative):
        if a.low is None or a.high is None or b.low is None or b.high is None:
            raise Unknown
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return Bounds(min(ends), max(ends), nonzero)
    flip = a.negative != b.negative
    a, b = (negative(side) if side.negative else side for side in (a, b))
    low = (a.low or Fraction(0)) * (b.low or Fraction(0))
    high = None if a.high is None or b.high is None else a.high * b.high
    product = Bounds(low, high, True)
    return negative(product) if flip else product


def divide(a: Bounds, b: Bounds) -> Bounds:
    """The quotient of two numbers.

    Args:
        a: bounds of the dividend.
        b: bounds of the divisor.

    Returns:
        Bounds of the quotient.

    Raises:
        Undefined: the divisor is zero.
        Unknown: the divisor may be zero.
    """
    if b.exact == 0:
        raise Undefined
    if b.negative:
        a, b = negative(a), negative(b)
    if not b.positive:
        raise Unknown
    low = Fraction(0) if b.high is None else 1 / b.high
    high = 1 / b.low if b.low else None
    return multiply(a, Bounds(low, high, True))
