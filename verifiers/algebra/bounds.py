"""Arithmetic on real numbers that are known exactly or between two rationals, without ever writing a huge number.

A value is a closed interval of rationals, whose ends may be infinite; one with equal ends is exact. No number of more
than `MAX_BITS` bits is kept: past that, a value is known to be huge, or tiny and not zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

MAX_BITS = 1 << 15
"""Bits of the numerator and the denominator of the largest exact value."""
_KEPT = 256
_HUGE = Fraction(1 << MAX_BITS)
TINY = 1 / _HUGE
"""An upper bound of the values that are too small to compute."""
_ONE = Fraction(1)


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
    if end is None or end.numerator.bit_length() + end.denominator.bit_length() <= 2 * _KEPT:
        return end
    if end < 0:
        upper = _up(-end)
        return None if upper is None else -upper
    shift = end.numerator.bit_length() - end.denominator.bit_length()
    if shift > MAX_BITS:
        return _HUGE
    if shift < -MAX_BITS:
        return Fraction(0)
    scale = Fraction(2) ** (_KEPT - shift)
    return Fraction(math.floor(end * scale)) / scale


def _up(end: Fraction | None) -> Fraction | None:
    """A rational of few bits at or above an end; None where it is past every bound."""
    if end is None or end.numerator.bit_length() + end.denominator.bit_length() <= 2 * _KEPT:
        return end
    if end < 0:
        return -(_down(-end) or Fraction(0))
    shift = end.numerator.bit_length() - end.denominator.bit_length()
    if shift > MAX_BITS:
        return None
    if shift < -MAX_BITS:
        return TINY
    scale = Fraction(2) ** (_KEPT - shift)
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


def power(base: Bounds, exponent: Bounds) -> Bounds:
    """A real power.

    Args:
        base: bounds of the base.
        exponent: bounds of the exponent.

    Returns:
        Bounds of the power.

    Raises:
        Undefined: the power is not real, or is zero to a power that is not positive.
        Unknown: the bounds do not tell.
    """
    n = exponent.exact
    if n == 0 and base.nonzero:
        return exactly(_ONE)
    if base.exact == 1:
        return base
    if base.exact == 0:
        if exponent.positive:
            return base
        raise Undefined
    if n is not None and n.denominator == 1:
        return _integer_power(base, int(n))
    if n == Fraction(1, 2):
        return root(base, exactly(Fraction(2)))
    if base.negative:
        raise Undefined if n is not None and n.denominator % 2 == 0 else Unknown
    if not base.positive:
        raise Unknown
    return _exponential(base, exponent)


def _integer_power(base: Bounds, n: int) -> Bounds:
    value = base.exact
    if (
        value is not None
        and n
        and abs(n) * max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS
    ):
        return exactly(value**n)
    if n < 0:
        return divide(exactly(_ONE), _integer_power(base, -n))
    if base.negative:
        power = _integer_power(negative(base), n)
        return negative(power) if n % 2 else power
    if not base.positive:
        if base.low is None or base.high is None or n > 64:
            raise Unknown
        ends = [base.low**n, base.high**n]
        return Bounds(min(*ends, Fraction(0)) if n % 2 else Fraction(0), max(ends), base.nonzero)
    if n <= 64 and value is None:
        product = base
        for _ in range(n - 1):
            product = bounded(multiply(product, base))
        return product
    return _exponential(base, exactly(Fraction(n)))


def _exponential(base: Bounds, exponent: Bounds) -> Bounds:
    """A positive base to any power, by bounds of its logarithm."""
    logs = [None if end is None or end <= 0 else log2(end) for end in (base.low, base.high)]
    low = None if logs[0] is None else logs[0][0]
    high = None if logs[1] is None else logs[1][1]
    power = multiply(Bounds(low, high, False) if low != high else exactly(low or Fraction(0)), exponent)
    return Bounds(two_to(power.low, up=False) or Fraction(0), two_to(power.high, up=True), True)


def two_to(exponent: Fraction | None, *, up: bool) -> Fraction | None:
    """A bound of a power of two.

    Args:
        exponent: the exponent; None where it is infinite.
        up: whether the bound is above the power; otherwise it is below.

    Returns:
        The bound, or None where the power is past every bound.
    """
    if exponent is None:
        return None
    if exponent > MAX_BITS:
        return None if up else _HUGE
    if exponent < -MAX_BITS:
        return TINY if up else Fraction(0)
    whole = math.floor(exponent)
    part = Fraction(2.0 ** float(exponent - whole)) * (1 + (1 if up else -1) * Fraction(1, 10**12))
    return part * Fraction(2) ** whole


def log2(value: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of the logarithm of a positive rational to base 2."""
    if value == 1:
        return Fraction(0), Fraction(0)
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    rest = value / Fraction(2) ** shift
    if rest == 1:
        return Fraction(shift), Fraction(shift)
    # log2 is accurate to a few units in the last place, but where the value is near 1 only absolutely
    log = shift + Fraction(math.log2(float(rest)))
    return log - Fraction(1, 10**12), log + Fraction(1, 10**12)


def root(a: Bounds, degree: Bounds) -> Bounds:
    """A real root.

    Args:
        a: bounds of the radicand.
        degree: bounds of the degree, which must be exact and a whole number from 2 to 64.

    Returns:
        Bounds of the root, exact where the radicand is a perfect power.

    Raises:
        Undefined: the root is not real.
        Unknown: the degree is another one, or the bounds do not tell.
    """
    n = degree.exact
    if n is None or n.denominator != 1 or not 2 <= n <= 64:
        raise Unknown
    n = int(n)
    if a.negative:
        if n % 2 == 0:
            raise Undefined
        raise Unknown  # algebra takes the principal root, a complex number
    if a.low is None or a.low < 0:
        raise Unknown
    ends: list[Fraction | None] = []
    for end, up in ((a.low, False), (a.high, True)):
        if end is None:
            ends.append(None)
            continue
        top, bottom = _integer_root(end.numerator, n), _integer_root(end.denominator, n)
        if top**n == end.numerator and bottom**n == end.denominator:
            ends.append(Fraction(top, bottom))
            continue
        bits = _KEPT + max(0, end.denominator.bit_length() - end.numerator.bit_length())
        root = _integer_root((end.numerator << (n * bits)) // end.denominator, n)
        ends.append(Fraction(root + up, 1 << bits))
    return Bounds(ends[0], ends[1], a.nonzero)


def _integer_root(value: int, n: int) -> int:
    """The largest integer whose n-th power is at most `value`."""
    if n == 2:
        return isqrt(value)
    if value < 2:
        return value
    guess = 1 << -(-value.bit_length() // n)
    while True:
        better = ((n - 1) * guess + value // guess ** (n - 1)) // n
        if better >= guess:
            return guess
        guess = better
