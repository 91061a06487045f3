"""Evaluates expression trees exactly where it can, and between bounds where it cannot, in bounded time.

The power tower `10^{10^{10}}` is at once known to differ from 3 (`verifiers.algebra.bounds`), although nothing could
compute it.
"""

from __future__ import annotations

import math
from fractions import Fraction

from verifiers.algebra.bounds import (
    MAX_BITS,
    Bounds,
    Undefined,
    Unknown,
    add,
    bounded,
    divide,
    exactly,
    multiply,
    negative,
)
from verifiers.algebra.powers import log2, power, root, two_to
from verifiers.algebra.tree import Tree

MAX_WORK = 4_000_000
"""Bits that one evaluation may write in all; an expression that needs more is not evaluated."""
_MAX_FACTORIAL = 3000
_PI = Fraction(31415926535897932384626433832795028841971693993751058209749445923, 10**64)
_E = Fraction(27182818284590452353602874713526624977572470936999595749669676277, 10**64)


def evaluate(tree: Tree, values: dict[str, Fraction] | None = None) -> Bounds:
    """The value of a tree, exact or between bounds.

    Args:
        tree: from `verifiers.algebra.syntax.parse`.
        values: a value for each variable.

    Returns:
        Its bounds.

    Raises:
        Unknown: it has a variable without a value or a function that is not evaluated here, or takes too much work.
        Undefined: it has no real value.
    """
    return _Evaluation(values or {}).value(tree)


class _Evaluation:
    """One evaluation, which counts its work."""

    def __init__(self, values: dict[str, Fraction]) -> None:
        self.values = values
        self.work = 0

    def value(self, tree: Tree) -> Bounds:
        result = self._value(tree)
        for end in (result.low, result.high):
            if end is not None:
                self.work += end.numerator.bit_length() + end.denominator.bit_length()
        if self.work > MAX_WORK:
            raise Unknown
        return bounded(result)

    def _value(self, tree: Tree) -> Bounds:
        kind = tree[0]
        if kind == "num":
            return exactly(tree[1])
        if kind == "sym" and tree[1] in self.values:
            return exactly(self.values[tree[1]])
        if kind == "const" and tree[1] in ("pi", "e"):
            digits = _PI if tree[1] == "pi" else _E
            return Bounds(digits, digits + Fraction(1, 10**64), True)
        if kind == "fn" and tree[1] == "log" and tree[2][0][0] == "^":
            return self._logarithm_of_power(*tree[2])
        if kind == "fn":
            return _function(tree[1], [self.value(argument) for argument in tree[2]])
        if kind in ("sym", "const", "apply"):
            raise Unknown
        parts = [self.value(part) for part in tree[1:]]
        if kind == "/" and tree[1] == tree[2] and (parts[0].nonzero or parts[0].positive or parts[0].negative):
            return exactly(Fraction(1))
        if kind == "+" and tree[2] == ("neg", tree[1]):
            return exactly(Fraction(0))
        return _OPERATIONS[kind](*parts)

    def _logarithm_of_power(self, power_tree: Tree, base: Tree) -> Bounds:
        """log(a^b) as b log a, since a power may be too large to compute where its logarithm is not."""
        low = self.value(power_tree[1])
        if not low.positive:
            return _logarithm(self.value(power_tree), self.value(base))
        return multiply(self.value(power_tree[2]), _logarithm(low, self.value(base)))


def _factorial(a: Bounds) -> Bounds:
    n = a.exact
    if n is not None and (n.denominator != 1 or n < 0):
        raise Unknown  # algebra takes the gamma function
    if n is not None and n <= _MAX_FACTORIAL:
        return exactly(Fraction(math.factorial(int(n))))
    if a.low is None or a.low < _MAX_FACTORIAL:
        raise Unknown
    return Bounds(exactly(Fraction(math.factorial(_MAX_FACTORIAL))).low, None, True)


def _binomial(a: Bounds, b: Bounds) -> Bounds:
    n, k = a.exact, b.exact
    if n is None or k is None or n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        raise Unknown
    n, k = int(n), int(k)
    if k > n:
        return exactly(Fraction(0))
    k = min(k, n - k)
    if n <= 2 * _MAX_FACTORIAL or k * n.bit_length() <= MAX_BITS // 2:
        return exactly(Fraction(math.comb(n, k)))
    return Bounds(two_to(Fraction(k), up=False), None, True)  # (n/k)^k is at most the coefficient, and n/k at least 2


def _function(name: str, arguments: list[Bounds]) -> Bounds:
    if name == "abs":
        return negative(arguments[0]) if arguments[0].negative else _certain(arguments[0], arguments[0].positive)
    if name == "exp":
        return power(Bounds(_E, _E + Fraction(1, 10**64), True), arguments[0])
    if name in ("sin", "cos"):
        return Bounds(Fraction(-1), Fraction(1))
    if name in ("floor", "ceil"):
        return _rounded(name, arguments[0])
    values = [argument.exact for argument in arguments]
    known = [value for value in values if value is not None]
    if name in ("max", "min") and len(known) == len(values):
        return exactly((max if name == "max" else min)(known))
    whole = [int(value) for value in known if value.denominator == 1]
    if name in ("gcd", "lcm") and len(whole) == len(values):
        return exactly(Fraction((math.gcd if name == "gcd" else math.lcm)(*whole)))
    if name == "log":
        return _logarithm(*arguments)
    raise Unknown


def _rounded(name: str, value: Bounds) -> Bounds:
    """The floor or the ceiling of a number, where both of its bounds have the same."""
    if value.low is None or value.high is None:
        raise Unknown
    whole = math.floor if name == "floor" else math.ceil
    low, high = whole(value.low), whole(value.high)
    if name == "ceil" and value.low == low and value.nonzero and value.low == 0:
        low += 1  # above 0
    if name == "floor" and value.high == high and value.nonzero and value.high == 0:
        high -= 1
    if low != high:
        raise Unknown
    return exactly(Fraction(low))


def _certain(bounds: Bounds, sure: bool) -> Bounds:
    if sure or bounds.exact == 0:
        return bounds
    raise Unknown


def _logarithm(a: Bounds, base: Bounds) -> Bounds:
    if a.exact is not None and a.exact <= 0:
        raise Undefined
    if a.low is None or a.low <= 0 or a.high is None or base.low is None or base.low <= 1 or base.high is None:
        raise Unknown
    top = Bounds(log2(a.low)[0], log2(a.high)[1])
    bottom = Bounds(log2(base.low)[0], log2(base.high)[1])
    quotient = divide(top, bottom)
    if a.exact is not None and base.exact is not None and quotient.low is not None and quotient.high is not None:
        whole = round(quotient.low)
        if abs(whole) * base.exact.numerator.bit_length() <= MAX_BITS and base.exact**whole == a.exact:
            return exactly(Fraction(whole))
    return quotient


_OPERATIONS = {
    "+": add,
    "*": multiply,
    "/": divide,
    "^": power,
    "neg": negative,
    "!": _factorial,
    "root": root,
    "binom": _binomial,
}
