"""Algebra for answers: reads LaTeX with math-verify's latex2sympy2 and decides equality with sympy. Slow; may hang.

Only worker processes of the pool import this, and `verifiers.math` in a direct call of `verify`. Two expressions are
equal when they agree to 30 digits, at several points where they have variables: this decides in milliseconds what
simplification may never, and two different answers that agree so far do not occur in practice. Exact integers and
fractions are compared exactly.
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended import NormalizationConfig, latex2sympy, normalize_latex
from latex2sympy2_extended.latex2sympy2 import ConversionConfig
from latex2sympy2_extended.logic import And
from math_verify import verify as math_verify
from math_verify.grader import should_treat_as_complex
from sympy.core.function import AppliedUndef

from verifiers.answer.numbers import parse_number, stands_for
from verifiers.answer.values import Unparsable

logging.getLogger("math_verify").setLevel(
    logging.ERROR
)  # it warns that its own timeouts are off: the pool's is the bound

_NORMAL = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=False, boxed="none", equations=False
)
_CASED = ConversionConfig(lowercase_symbols=False)
_DIGITS = 30
_MAX_MAGNITUDE = 2000
_TINY = sympy.Float(10) ** -25
_SMALL = sympy.Float(10) ** -5
_FUNCTION = re.compile(
    r"(?<![\\A-Za-z])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi)(?![a-zA-Z])"
)
_POWER = re.compile(r"\^\s*(-?[0-9]{2,}|-[0-9A-Za-z]|-?[0-9]+(?=\s*[-+*/)=,]|$))")
_BIND = re.compile(r"\\(?:lim|sum|int|prod)(?![a-zA-Z])")
# Rational points, so that powers and roots are computed exactly where they can be; of both signs, none special.
_POINTS = [
    Fraction(n, d) for n, d in ((7, 5), (19, 11), (-13, 7), (23, 9), (-5, 3), (31, 8), (2, 7), (-11, 13), (37, 6))
]


@lru_cache(maxsize=2048)
def read(text: str) -> Any:
    """A sympy object from cleaned LaTeX.

    Raises:
        Unparsable: it does not parse, or is an operator without its argument.
    """
    text = _FUNCTION.sub(r"\\\1", text)
    text = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = _POWER.sub(r"^{\1}", text).replace("**", "^")
    if re.search(r"\\(?:frac|sqrt)\s*(?:\{[^{}]*\})?\s*\{\s*\}|\\frac\s*\{d\}|(?<![A-Za-z0-9)}\]!])!|\\%", text):
        raise Unparsable("an operator without its argument")
    if re.search(r"\\(?:sin|cos|tan|log|ln|exp|sqrt|int|sum|lim|prod|det|gcd|lcm)\s*$", text) or text.count("|") % 2:
        raise Unparsable("an operator without its argument")
    if re.search(r"\\(?:sin|cos|tan|cot|sec|csc)\s*\^\s*(?:\{[^{}]*\}|\S)\s*$", text):
        raise Unparsable("a function without its argument")
    if re.search(r"\\lim\s*_\s*\{?\s*(?:\\pi|[0-9])", text):
        raise Unparsable("a limit over a constant")
    try:
        value = latex2sympy(
            normalize_latex(text, config=_NORMAL),
            is_real=not should_treat_as_complex(text),
            convert_degrees=False,
            normalization_config=None,
            conversion_config=_CASED,
        )
    except RecursionError:
        raise Unparsable("too deeply nested") from None
    except MemoryError:
        raise
    except Exception as error:  # the parser raises bare Exception for what it cannot read
        raise Unparsable(str(error).partition("\n")[0][:100]) from None
    if value is None or isinstance(value, str) or value in (sympy.nan, sympy.zoo):
        raise Unparsable("it has no value")
    return _with_imaginary_unit(_without_floats(value))


def equal(gold: str, answer: str, relation: bool, *, digits: int) -> bool:
    """Whether two expressions, equations, inequalities or sets are equal.

    Args:
        gold: cleaned LaTeX.
        answer: cleaned LaTeX.
        relation: whether one of them is an equation, an inequality or a set.
        digits: as for `verifiers.answer.numbers.same_number`.

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


def _without_floats(value: Any) -> Any:
    """The object with each decimal as the fraction it writes."""
    if not hasattr(value, "replace") or not hasattr(value, "has") or not value.has(sympy.Float):
        return value
    return value.replace(lambda part: isinstance(part, sympy.Float), lambda part: sympy.Rational(str(part)))


def _with_imaginary_unit(value: Any) -> Any:
    """The object with a free `i` as the imaginary unit; `\\sum_{i=1}^n` binds its own."""
    letters = [symbol for symbol in getattr(value, "free_symbols", ()) if symbol.name == "i"]
    return value.subs({letter: sympy.I for letter in letters}) if letters else value


def _done(value: Any) -> Any:
    """Evaluated where it must be before numbers can be put in."""
    slow = (sympy.Limit, sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative, sympy.UnevaluatedExpr)
    return value.doit() if value.has(*slow) else value


def _numeric(value: Any, digits: int = _DIGITS) -> Any:
    """A number of at least that many digits after the point, or None where it has no finite value."""
    if value.is_Rational:
        return value
    rough = value.evalf(15)
    if not rough.is_number or rough.has(sympy.nan, sympy.zoo, sympy.oo):
        return None
    size = abs(rough)
    if size.is_Float:
        magnitude = (size._mpf_[2] + size._mpf_[3]) * 3 // 10  # the exponent of 2, as decimal digits
        if magnitude > _MAX_MAGNITUDE:
            return None
        digits += max(0, magnitude)
    return value.evalf(digits + 10)


def _close(left: Any, right: Any) -> bool:
    """Whether two numbers agree to 25 digits; large ones to 25 digits after the point, which `_numeric` gave them."""
    if left.is_Rational and right.is_Rational:
        return left == right
    difference = abs((left - right).evalf(15))
    return bool(difference <= _TINY * min(sympy.Integer(1), max(abs(right.evalf(15)), _SMALL)))


def _same_expressions(left: Any, right: Any) -> bool:
    if left == right:
        return True
    left, right = _functions_as_symbols(_done(left)), _functions_as_symbols(_done(right))
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if not symbols:
        a, b = _numeric(left), _numeric(right)
        if a is None or b is None:
            return left == right or bool((left - right).is_zero)
        return _close(a, b)
    return _same_at_points(left, right, symbols)


def _same_at_points(left: Any, right: Any, symbols: list[Any]) -> bool:
    """Whether two expressions agree wherever both are real; where they are real nowhere, wherever they are finite."""
    agreed = complex_agreed = 0
    for shift in range(len(_POINTS)):
        point = _point(symbols, shift)
        a, b = _numeric(left.subs(point)), _numeric(right.subs(point))
        if a is None or b is None:
            continue
        if a.is_real and b.is_real:
            if not _close(a, b):
                return False
            agreed += 1
        elif a.is_real == b.is_real:
            if not _close(a, b):
                return False
            complex_agreed += 1
        if agreed >= 5:
            break
    return agreed >= 2 or agreed + complex_agreed >= 3


def _point(symbols: list[Any], shift: int) -> dict[Any, Any]:
    """A value for each symbol, all different."""
    return {
        symbol: sympy.Rational(*_POINTS[(shift + 2 * k) % len(_POINTS)].as_integer_ratio()) + k // len(_POINTS)
        for k, symbol in enumerate(symbols)
    }


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
    if not symbols:
        return None
    ratios = []
    for shift in range(len(_POINTS)):
        point = _point(symbols, shift)
        a, b = _numeric(left.subs(point)), _numeric(right.subs(point))
        if a is None or b is None or a == 0 or b == 0:
            continue
        ratios.append(_numeric(a / b))
        if ratios[-1] is None or not ratios[-1].is_real or not _close(ratios[0], ratios[-1]):
            return None
    return ratios[0] if len(ratios) >= 3 else None


def _same_sets(left: Any, right: Any) -> bool:
    """Sets and inequalities, as sets of real numbers; math-verify decides what is left."""
    try:
        sets = [_as_set(side) for side in (left, right)]
        if sets[0] == sets[1] or sets[0].symmetric_difference(sets[1]).is_empty:
            return True
        if all(isinstance(side, sympy.Set) and side.is_empty is not None for side in sets):
            return False
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        pass  # not sets of one real variable
    return bool(math_verify(left, right, strict=True, allow_set_relation_comp=True, timeout_seconds=None))


def _as_set(value: Any) -> Any:
    """A set, or the numbers that satisfy an inequality or several at once."""
    if isinstance(value, sympy.Set):
        return value
    return sympy.And(*value.args).as_set() if isinstance(value, And) else value.as_set()


def _warm_up() -> None:
    """Fill the parser's caches, so that workers forked from here start with them."""
    for text in (
        r"\frac{1}{2}\sqrt{3} + x^{2}",
        r"\frac{-5+\sqrt{13}}{6}",
        r"3x^{2/3} - \sqrt[3]{y}",
        r"\sin^{2}(x) + \cos x",
        r"\log_{2}(8) + \ln(x)",
        r"\binom{5}{2} + 5!",
        r"\begin{pmatrix} 1 & \frac{1}{2} \\ -3 & x \end{pmatrix}",
        r"1 \le |x| \le 2",
        "2x + y = 1",
        r"[-2, 1) \cup (1, \infty)",
        r"e^{i\pi}",
        r"f(x) = x",
    ):
        read(text)
    equal(r"\sqrt{2} + x", r"x + \sqrt{2}\cdot 1", False, digits=5)
    equal(r"1 \le |x| \le 2", r"(1, 2) \cup (3, 4)", True, digits=5)


_warm_up()
