r"""Turns the text of an answer into a sympy object: an expression, an equation, an inequality, a set or a matrix.

Expressions and relations are parsed strictly by `verifiers.algebra.syntax`. What that grammar leaves out (sums,
integrals, limits, sets, matrix arithmetic) goes to math-verify's latex2sympy2, and only where every command and
character of the text is one that it is known to read: it drops what it does not know.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from latex2sympy2_extended import NormalizationConfig, latex2sympy, normalize_latex
from latex2sympy2_extended.latex2sympy2 import ConversionConfig
from latex2sympy2_extended.logic import And

from verifiers.algebra import syntax
from verifiers.algebra.bounds import TINY, Undefined, Unknown
from verifiers.algebra.exact import evaluate
from verifiers.algebra.syntax import Unsupported
from verifiers.algebra.tree import Tree
from verifiers.answer.latex import top_level
from verifiers.answer.values import Unparsable

_NORMAL = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=False, boxed="none", equations=False
)
_CASED = ConversionConfig(lowercase_symbols=False)
_KNOWN = (
    "frac sqrt binom choose sum prod int lim infty pi cdot times div le ge ne in notin cup cap setminus emptyset "
    "mathbb pm mp sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp max min gcd lcm lfloor "
    "rfloor lceil rceil mod to rightarrow left right mid begin end overline bar vec hat alpha beta gamma delta "
    "epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi varphi chi psi omega Gamma Delta Theta "
    "Lambda Sigma Phi Psi Omega "
    "operatorname det ldots dots cdots partial"
)
_COMMANDS = frozenset(_KNOWN.split())
_NAMED = "gcd lcm max min arcsin arccos arctan sinh cosh tanh floor ceil"
_FUNCTION_NAMES = frozenset(_NAMED.split())
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_STRANGE = re.compile(r"['\"$#@~`?;%]|\\[^A-Za-z{}\\,;! ]")
_RELATIONS = {"≤": "<=", "≥": ">=", "≠": "!=", "<": "<", ">": ">", "=": "=="}
_RELATION = re.compile(r"\\(le|ge|ne)(?![A-Za-z])")
_SIGNS = {"le": "≤", "ge": "≥", "ne": "≠"}
_SETS = re.compile(
    r"\\(?:cup|cap|setminus|emptyset|mathbb|in|notin|mid)(?![A-Za-z])|\\\{|\\begin|^\s*[(\[][^()\[\]]*,[^()\[\]]*[)\]]\s*$"
)
_PLAIN_FUNCTION = re.compile(
    r"(?<![\\A-Za-z])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi)(?![a-zA-Z])"
)
_POWER = re.compile(r"\^\s*(-?[0-9]{2,}|-[0-9A-Za-z]|-?[0-9]+(?=\s*[-+*/)=,]|$))")


class TooLarge(Exception):
    """An expression holds a number too large to compute: nothing can be said of it."""


@lru_cache(maxsize=2048)
def read(text: str) -> Any:
    """A sympy object from cleaned LaTeX.

    Raises:
        Unparsable: it does not parse, or is an operator without its argument.
        TooLarge: it holds a number that nothing can compute.
    """
    try:
        if _SETS.search(text):
            raise Unsupported
        if (relation := _relation(text)) is not None:
            return relation
        value = _built(syntax.parse(text))
        if value.has(sympy.nan, sympy.zoo):
            raise Unparsable("it has no value")
        return value
    except Unsupported:
        return _without_floats(_larger_grammar(text))


def _relation(text: str) -> Any:
    """An equation or inequality, or several that hold at once, from a text with relation signs; else None."""
    text = _RELATION.sub(lambda match: _SIGNS[match[1]], text)
    signs = re.findall("[<>≤≥≠=]", text)
    if not signs:
        return None
    sides = top_level(text, "<>≤≥≠=")
    if sides is None:
        raise Unparsable("brackets do not match")
    if len(sides) != len(signs) + 1:
        raise Unsupported  # a sign inside brackets, such as that of a sum's index
    values = [_built(syntax.parse(side)) for side in sides]
    relations = [
        sympy.Rel(left, right, _RELATIONS[sign], evaluate=False)
        for left, sign, right in zip(values, signs, values[1:], strict=False)
    ]
    return relations[0] if len(relations) == 1 else And(*relations)


def _built(tree: Tree) -> Any:
    """A tree as a sympy expression."""
    kind = tree[0]
    if kind == "num":
        return sympy.Rational(tree[1].numerator, tree[1].denominator)
    if kind == "sym":
        return sympy.Symbol(tree[1], real=True)
    if kind == "const":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}[tree[1]]
    if kind == "apply":
        return sympy.Function(tree[1])(*map(_built, tree[2]))
    if kind == "fn":
        return _known(tree[1], [_built(argument) for argument in tree[2]])
    if kind in ("^", "!", "binom"):
        _refuse_large(tree)
    parts = [_built(part) for part in tree[1:]]
    if kind == "/" and parts[1] == 0:
        raise Unparsable("it divides by zero")
    return _OPERATIONS[kind](*parts)


def _refuse_large(tree: Tree) -> None:
    """Refuse a constant that is too large to compute."""
    try:
        bounds = evaluate(tree)
    except (Unknown, Undefined):
        return
    if bounds.high is None or bounds.low is None or bounds.high == TINY:
        raise TooLarge("a number too large to compute")


def _known(name: str, arguments: list[Any]) -> Any:
    if name == "log":
        return sympy.log(arguments[0]) / sympy.log(arguments[1]) if arguments[1] != sympy.E else sympy.log(arguments[0])
    if name == "abs":
        return sympy.Abs(arguments[0])
    if name in ("max", "min"):
        return (sympy.Max if name == "max" else sympy.Min)(*arguments)
    if name == "ceil":
        return sympy.ceiling(arguments[0])
    if name.startswith("arc"):
        name = "a" + name[3:]
    return getattr(sympy, name)(*arguments)


_OPERATIONS: dict[str, Any] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "neg": lambda a: -a,
    "!": sympy.factorial,
    "root": lambda a, n: sympy.root(a, n),
    "binom": sympy.binomial,
}


def _larger_grammar(text: str) -> Any:
    """What math-verify's grammar reads from a text of known commands and characters."""
    text = re.sub(
        r"\\operatorname\s*\{\s*([a-z]+)\s*\}", lambda m: "\\" + m[1] if m[1] in _FUNCTION_NAMES else m[0], text
    )
    if strange := _STRANGE.search(text.replace("\\\\", " ")):
        raise Unparsable(f"unexpected {strange.group()!r}")
    for command in _COMMAND.findall(text):
        if command not in _COMMANDS:
            raise Unparsable(f"unknown command \\{command}")
    text = _PLAIN_FUNCTION.sub(r"\\\1", text)
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
            is_real=True,
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
    return value


def _without_floats(value: Any) -> Any:
    """The object with each decimal as the fraction it writes."""
    if not hasattr(value, "replace") or not hasattr(value, "has") or not value.has(sympy.Float):
        return value
    return value.replace(lambda part: isinstance(part, sympy.Float), lambda part: sympy.Rational(Fraction(str(part))))


def _warm_up() -> None:
    """Fill the parser's caches, so that workers forked from here start with them."""
    for text in (
        r"\sum_{k=1}^{10} k^{2}",
        r"\int_0^1 x^{2} dx",
        r"\begin{pmatrix} 1 & \frac{1}{2} \\ -3 & x \end{pmatrix}",
        r"[-2, 1) \cup (1, \infty)",
        r"\mathbb{R} \setminus \{1\}",
        r"1 \le |x| \le 2",
        r"\sin^2(x) + \sqrt{2}",
    ):
        read(text)


_warm_up()
