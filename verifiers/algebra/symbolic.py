r"""Decides with sympy whether two answers are equal. Slow; may hang.

Only worker processes of the pool import this, and `verifiers.math` in a direct call of `verify`.

Constants are equal where their difference is zero to 300 digits; expressions with variables where that holds at one
point, and they agree to 25 significant digits at several others. All comparisons are relative: however small two
values are, they differ where their leading digits do. Equations are equal where one is a constant multiple of the
other, inequalities where one is a positive multiple, or where they have the same solutions in the same variable.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy
from latex2sympy2_extended.logic import And
from sympy.core.function import AppliedUndef

from verifiers.algebra.convert import read
from verifiers.algebra.decide import POINTS
from verifiers.answer.agreement import stands_for
from verifiers.answer.numbers import parse_number
from verifiers.answer.values import Unparsable

_DIGITS = 40
_ZERO_DIGITS = 300
_MAX_MAGNITUDE = 20_000
_CLOSE = sympy.Float(10) ** -25


def equal(gold: str, answer: str, relation: bool, *, digits: int) -> bool:
    """Whether two expressions, equations, inequalities or sets are equal.

    Args:
        gold: cleaned LaTeX.
        answer: cleaned LaTeX.
        relation: whether one of them is an equation, an inequality or a set.
        digits: as for `verifiers.answer.agreement.same_number`.

    Raises:
        Unparsable: the gold does not parse. An answer that does not is not equal.
    """
    left = read(gold)
    try:
        right = read(answer)
    except Unparsable:
        return False
    kinds = [_kind(side) for side in (left, right)]
    if kinds == ["matrix", "matrix"]:
        return _same_matrices(left, right)
    if kinds == ["expression", "expression"]:
        return _same_expressions(left, right) or _rounded(gold, answer, left, right, digits)
    if kinds == ["equation", "equation"]:
        return _same_equations(left, right)
    if kinds == ["inequality", "inequality"] and _same_inequalities(left, right):
        return True
    if "equation" in kinds or "matrix" in kinds or (kinds.count("expression") == 1 and not relation):
        return False
    return _same_sets(left, right)


def _kind(value: Any) -> str:
    if isinstance(value, sympy.MatrixBase | sympy.MatrixExpr):
        return "matrix"
    if isinstance(value, sympy.Eq):
        return "equation"
    if isinstance(value, sympy.core.relational.Relational):
        return "inequality"
    if isinstance(value, sympy.Expr):
        return "matrix" if value.has(sympy.MatrixBase) else "expression"
    return "other"


def _done(value: Any) -> Any:
    """Evaluated where it must be before numbers can be put in."""
    slow = (sympy.Limit, sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative, sympy.Mod, sympy.UnevaluatedExpr)
    return value.doit() if value.has(*slow) else value


def _numeric(value: Any) -> Any:
    """A number to 40 significant digits, or None where it has no finite value."""
    if value.is_Rational:
        return value
    number = value.evalf(_DIGITS)
    if not number.is_number or number.has(sympy.nan, sympy.zoo, sympy.oo):
        return None
    size = abs(number.evalf(15))
    if size.is_Float and abs(size._mpf_[2] + size._mpf_[3]) * 3 // 10 > _MAX_MAGNITUDE:
        return None
    return number


def _close(left: Any, right: Any) -> bool:
    """Whether two numbers agree to 25 significant digits; fractions agree exactly or not at all."""
    if left.is_Rational and right.is_Rational:
        return left == right
    size = max(abs(left.evalf(15)), abs(right.evalf(15)))
    return bool(abs((left - right).evalf(15)) <= _CLOSE * size)


def _is_zero(value: Any) -> bool:
    """Whether a number is zero to 300 digits of the terms that make it up."""
    if value.is_Rational or value.is_zero is not None:
        return bool(value.is_zero)
    number = value.evalf(15, maxn=_ZERO_DIGITS)
    parts = number.as_real_imag() if number.is_number else (None,)
    return all(part is not None and (part == 0 or (part.is_Float and part._prec == 1)) for part in parts)


def _same_expressions(left: Any, right: Any) -> bool:
    if left == right:
        return True
    left, right = _functions_as_symbols(_done(left)), _functions_as_symbols(_done(right))
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if not symbols:
        return _same_values(left, right)
    return _same_at_points(left, right, symbols)


def _same_values(left: Any, right: Any) -> bool:
    """Whether two constants are equal."""
    a, b = _numeric(left), _numeric(right)
    if a is None or b is None:
        return left == right
    if a.is_Rational and b.is_Rational:
        return a == b
    # Away from zero the digits tell most different values apart before the difference is computed to many digits.
    if all(side.is_Float and side._prec > 1 for side in (a, b)) and not _close(a, b):
        return False
    return _is_zero(left - right)


def _same_at_points(left: Any, right: Any, symbols: list[Any]) -> bool:
    """Whether two expressions agree wherever both are real; where they are real nowhere, wherever they are finite."""
    agreed = complex_agreed = 0
    raised = _raised(left) | _raised(right)
    points = [_point(symbols, shift, raised) for shift in range(len(POINTS))]
    for point in [point for point in points if _in_domain(left, point) and _in_domain(right, point)] or points:
        at = left.subs(point), right.subs(point)
        a, b = _numeric(at[0]), _numeric(at[1])
        if a is None or b is None or bool(a.is_real) != bool(b.is_real):
            continue
        same = _same_values(*at) if not agreed + complex_agreed else _close(a, b) or _same_values(*at)
        if not same:
            return False
        if a.is_real:
            agreed += 1
        else:
            complex_agreed += 1
        if agreed >= 5 and not _kinked(left) and not _kinked(right):
            break
    return agreed >= 3 or agreed + complex_agreed >= 4


def _in_domain(value: Any, point: dict[Any, Any]) -> bool:
    """Whether every even root, logarithm and power with a variable exponent in an expression is real at a point."""
    if value.has(sympy.I):
        return True
    inner = [part.base for part in value.atoms(sympy.Pow) if part.exp.is_Rational and part.exp.q % 2 == 0]
    inner += [part.args[0] for part in value.atoms(sympy.log)]
    inner += [part.base for part in value.atoms(sympy.Pow) if part.exp.free_symbols]
    return not any(part.free_symbols and part.subs(point).is_negative for part in inner)


_KINKED = (sympy.Abs, sympy.Max, sympy.Min, sympy.floor, sympy.ceiling, sympy.Piecewise, sympy.sign, sympy.Mod)


def _kinked(value: Any) -> bool:
    """Whether an expression may be another formula elsewhere."""
    return value.has(*_KINKED) or any(part.exp.is_Rational and part.exp.q % 2 == 0 for part in value.atoms(sympy.Pow))


def _raised(value: Any) -> set[Any]:
    """The symbols in exponents of powers of other symbols, which are computed exactly and so must not be large."""
    powers = [part for part in value.atoms(sympy.Pow) if part.base.free_symbols]
    return set().union(*(part.exp.free_symbols for part in powers))


def _point(symbols: list[Any], shift: int, raised: set[Any]) -> dict[Any, Any]:
    """A value for each symbol, all different; a small one for those in exponents."""
    values = [POINTS[(shift + 5 * k) % len(POINTS)] + k // len(POINTS) for k in range(len(symbols))]
    values = [
        value / (abs(value) // 8 + 1) if symbol in raised and abs(value) > 8 else value
        for symbol, value in zip(symbols, values, strict=True)
    ]
    return {symbol: sympy.Rational(*value.as_integer_ratio()) for symbol, value in zip(symbols, values, strict=True)}


def _functions_as_symbols(value: Any) -> Any:
    if not value.has(AppliedUndef):
        return value
    return value.replace(lambda part: isinstance(part, AppliedUndef), lambda part: sympy.Symbol(str(part), real=True))


def _rounded(gold: str, answer: str, left: Any, right: Any, digits: int) -> bool:
    """Whether one is a decimal with enough digits that rounds the other."""
    for text, other in ((answer, left), (gold, right)):
        decimal = parse_number(text)
        if decimal is None or not decimal.places or other.free_symbols:
            continue
        value = _numeric(_done(other))
        if value is None or not value.is_real:
            continue
        # An irrational number's digits are cut here; the third of a unit far behind them says that they go on.
        exact = Fraction(value.p, value.q) if value.is_Rational else Fraction(str(value)) + Fraction(1, 3 * 10**60)
        if stands_for(decimal, exact, digits):
            return True
    return False


def _same_matrices(left: Any, right: Any) -> bool:
    left, right = left.doit(), right.doit()
    if not isinstance(left, sympy.MatrixBase) or not isinstance(right, sympy.MatrixBase) or left.shape != right.shape:
        return False
    return all(_same_expressions(a, b) for a, b in zip(left.flat(), right.flat(), strict=True))


def _same_equations(left: Any, right: Any) -> bool:
    """Equations are equal where one is a constant multiple of the other."""
    return _ratio(left.lhs - left.rhs, right.lhs - right.rhs) is not None


def _same_inequalities(left: Any, right: Any) -> bool:
    """Inequalities are equal where one is a positive multiple of the other, or a negative one turned around."""
    if isinstance(left, sympy.Ne) or isinstance(right, sympy.Ne):
        return type(left) is type(right) and _same_equations(left, right)
    if isinstance(left, sympy.Ge | sympy.Le) != isinstance(right, sympy.Ge | sympy.Le):
        return False
    sides: list[Any] = [side.gts - side.lts for side in (left, right)]
    ratio = _ratio(*sides)
    return ratio is not None and bool(ratio > 0)


def _ratio(left: Any, right: Any) -> Any:
    """The constant that `left` is of `right`, or None where there is none."""
    left, right = _functions_as_symbols(_done(left)), _functions_as_symbols(_done(right))
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if not symbols or left.free_symbols != right.free_symbols:
        return None
    ratios = []
    raised = _raised(left) | _raised(right)
    for shift in range(len(POINTS)):
        point = _point(symbols, shift, raised)
        a, b = _numeric(left.subs(point)), _numeric(right.subs(point))
        if a is None or b is None or a == 0 or b == 0:
            continue
        ratios.append(_numeric(a / b))
        if ratios[-1] is None or not ratios[-1].is_real or not _close(ratios[0], ratios[-1]):
            return None
        if len(ratios) == 8 and not _kinked(left) and not _kinked(right):
            break
    return ratios[0] if len(ratios) >= 4 else None


def _same_sets(left: Any, right: Any) -> bool:
    """Sets and inequalities in one variable, as sets of real numbers."""
    names = [
        side.free_symbols if isinstance(side, sympy.core.relational.Relational | And) else None
        for side in (left, right)
    ]
    if (None not in names and names[0] != names[1]) or any(name is not None and len(name) != 1 for name in names):
        return False
    try:
        sets = [_as_set(side) for side in (left, right)]
        return bool(sets[0] == sets[1] or sets[0].symmetric_difference(sets[1]).is_empty)
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return False  # not sets of one real variable


def _as_set(value: Any) -> Any:
    """A set, or the numbers that satisfy an inequality or several at once."""
    if isinstance(value, sympy.Set):
        return value
    return sympy.And(*value.args).as_set() if isinstance(value, And) else value.as_set()


def _warm_up() -> None:
    """Compare once, so that workers forked from here start with what sympy loads at first use."""
    equal(r"\sqrt{2} + x", r"x + \sqrt{2}\cdot 1", False, digits=5)
    equal(r"1 \le |x| \le 2", r"(1, 2) \cup (3, 4)", True, digits=5)


_warm_up()
