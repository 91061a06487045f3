"""Powers, roots and logarithms of real numbers that are known exactly or between two rationals."""

from __future__ import annotations

import math
from fractions import Fraction
from math import isqrt

from verifiers.algebra.bounds import (
    HUGE,
    KEPT,
    MAX_BITS,
    ONE,
    TINY,
    Bounds,
    Undefined,
    Unknown,
    bounded,
    divide,
    exactly,
    multiply,
    negative,
)


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
        return exactly(ONE)
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
        return divide(exactly(ONE), _integer_power(base, -n))
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
        return None if up else HUGE
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
        bits = KEPT + max(0, end.denominator.bit_length() - end.numerator.bit_length())
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
