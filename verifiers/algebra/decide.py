"""Decides without sympy whether two expressions are equal, where exact arithmetic or bounds can tell.

Constants are compared exactly, or known to differ where their bounds do not meet. Rational functions are compared
exactly at rational points. Whatever is left (roots that agree, functions, complex numbers) needs
`verifiers.algebra.symbolic`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from verifiers.algebra.bounds import Bounds, Undefined, Unknown
from verifiers.algebra.exact import evaluate
from verifiers.algebra.syntax import Unsupported, parse
from verifiers.algebra.tree import Tree, symbols
from verifiers.answer.agreement import rounds, stands_for
from verifiers.answer.numbers import parse_number
from verifiers.answer.values import Unparsable

# Rational, so that powers are exact; of both signs and of sizes that differ by orders of magnitude, so that |x - 100|
# and 100 - x are told apart.
POINTS = [
    Fraction(n, d)
    for n, d in (
        (7, 5), (-13, 7), (1009, 3), (23, 9), (-20011, 7), (1_000_003, 9), (-5, 3), (31, 8), (2, 7), (-11, 13),
        (37, 6), (-301, 1999), (5_000_011, 2), (19, 11), (-70_001, 11), (811, 4),
    )
]  # fmt: skip
_AGREEING = 8
"""Points at which two rational functions must agree."""


def decide(gold: str, answer: str, *, digits: int) -> bool | None:
    """Whether two expressions are equal; None where that needs algebra.

    Args:
        gold: cleaned LaTeX of an expression.
        answer: the same of the answer.
        digits: as for `verifiers.answer.agreement.same_number`.

    Raises:
        Unparsable: the gold does not parse. An answer that does not is not equal.
    """
    try:
        left = read(gold)
        try:
            right = read(answer)
        except Unparsable:
            return False
    except Unsupported:
        return None
    if left == right:
        return True
    names = sorted(symbols(left) | symbols(right))
    try:
        if not names:
            return (
                False
                if _different_powers(left, right)
                else _constants(gold, answer, evaluate(left), evaluate(right), digits)
            )
        return _functions(left, right, names)
    except (Unknown, Undefined):
        return None


@lru_cache(maxsize=4096)
def read(text: str) -> Tree:
    """The tree of a text, remembered; raises what `verifiers.algebra.syntax.parse` does."""
    return parse(text)


def _constants(gold: str, answer: str, left: Bounds, right: Bounds, digits: int) -> bool | None:
    if left.exact is not None and left.exact == right.exact:
        return True
    for text, other in ((answer, left), (gold, right)):
        decimal = parse_number(text)
        if decimal is None or not decimal.places or decimal.digits < digits:
            continue
        if other.exact is not None:
            if stands_for(decimal, other.exact, digits):
                return True
        elif other.low is None or other.high is None:
            continue
        else:
            close = {rounds(decimal.value, end, decimal.places) for end in (other.low, other.high)}
            if len(close) > 1:
                return None
            if close == {True}:
                return True
    return False if left.differs(right) else None


def _different_powers(left: Tree, right: Tree) -> bool:
    """Whether two powers of one rational base above 1 certainly have different exponents, however large."""
    if left[0] != "^" or right[0] != "^" or left[1] != right[1]:
        return False
    base = evaluate(left[1]).exact
    if base is None or base <= 1:
        return False
    return evaluate(left[2]).differs(evaluate(right[2])) or _different_powers(left[2], right[2])


def point(names: list[str], shift: int) -> dict[str, Fraction]:
    """A point at which expressions are compared.

    Args:
        names: the variables.
        shift: which of the points; from 0 to one less than the number of `POINTS`.

    Returns:
        A value for each variable, all of them different.
    """
    return {name: POINTS[(shift + 5 * index) % len(POINTS)] + index // len(POINTS) for index, name in enumerate(names)}


def _functions(left: Tree, right: Tree, names: list[str]) -> bool | None:
    """Two expressions with variables, compared at points where both have a real value."""
    agreed, certain = 0, True
    for shift in range(len(POINTS)):
        values = point(names, shift)
        try:
            a, b = evaluate(left, values), evaluate(right, values)
        except Undefined:
            continue
        if a.differs(b):
            return False
        if a.exact is None or b.exact is None:
            certain = False
            break
        agreed += 1
        if agreed == len(POINTS) - 2 or (agreed >= _AGREEING and not _kinked(left) and not _kinked(right)):
            break
    return True if certain and agreed >= _AGREEING else None


def _kinked(tree: Tree) -> bool:
    """Whether a tree has a function that may be another formula elsewhere, such as an absolute value or a root."""
    if tree[0] == "fn":
        return tree[1] in ("abs", "floor", "ceil", "max", "min") or any(map(_kinked, tree[2]))
    if tree[0] == "root" or (tree[0] == "^" and (tree[2][0] != "num" or tree[2][1].denominator != 1)):
        return True
    return any(_kinked(part) for part in tree[1:] if isinstance(part, tuple) and part and isinstance(part[0], str))
