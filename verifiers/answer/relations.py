r"""Reads equations, inequalities and approximations: `x = 5`, `20 - 5 = 15`, `1 < x \le 2`, `\approx 3.3`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from verifiers.answer.latex import top_level
from verifiers.answer.values import Either, Expression, Group, Named, Unparsable

Parse = Callable[[str], Any]

OPERATORS = {"le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "approx": "≈", "pm": "±", "mp": "∓", "cup": "∪"}
OPERATOR = re.compile(r"\\(le|ge|ne|in|approx|pm|mp|cup)(?![a-zA-Z])\s*")
_BACK = {sign: f"\\{name} " for name, sign in OPERATORS.items()}
_BACK_RE = re.compile("[" + "".join(_BACK) + "]")

_SYMBOL = (
    r"(?:\\(?!pi|infty|frac|sqrt|text|lim|sum|int|prod|log|ln|sin|cos|tan)[A-Za-z]+\s?|[A-Za-z]+)'*"
    r"(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?(?:\^\{?-1\}?)?'*"
)
NAME = re.compile(
    rf"\s*(?:(?:P|Pr|E|\\Pr|\\mathbb\s*\{{[PE]\}})\s*[(\[][^()\[\]]{{1,60}}[)\]]|{_SYMBOL}\s*(?:\(\s*[A-Za-z0-9\\,\s-]*\))?|\|\s*{_SYMBOL}\s*\||\(\s*{_SYMBOL}(?:\s*[,;]\s*{_SYMBOL})+\s*\)"
    rf"|{_SYMBOL}(?:\s*:\s*{_SYMBOL})+|m?\s*\\angle\s*[A-Za-z]+"
    rf"|\\(?:overline|vec|mathbf|hat|widehat|text|overrightarrow)\s*\{{[^{{}}]*\}}"
    rf"|\\frac\s*\{{\s*{_SYMBOL}\s*\}}\s*\{{\s*{_SYMBOL}\s*\}}|\\(?:sin|cos|tan)\s*\\?[A-Za-z]+)\s*"
)
NAMED_DIGITS = re.compile(rf"({NAME.pattern})=\s*([-+]?[0-9]+(?:,[0-9]+)+(?:\.[0-9]+)?)\s*")
_BOUND = re.compile(r"\s*\\(?:lim|sum|int|prod)(?![a-zA-Z])")
FUNCTIONS = {"sqrt", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"}
_FUNCTION_CALL = re.compile("|".join(sorted(FUNCTIONS)) + r"|\\(?!text)")
_LABEL = re.compile(r"\s*(?:\\text\{[^{}]*[A-Za-z]{2}[^{}]*\}|[^=]*(?<![\\A-Za-z])[A-Za-z]{3,}[^=]*)\s*")


def relation(text: str, parse: Parse) -> Any:
    """What a text with a relation sign outside brackets says; None where it has none.

    Args:
        text: cleaned text with one character for each relation sign (`OPERATORS`).
        parse: reads what stands on a side.

    Returns:
        A Named value or interval, the value of the last side of a chain, or an Expression that is a relation.

    Raises:
        Unparsable: a side is missing.
    """
    for read in (_approximation, _equation, _inequality):
        if (value := read(text, parse)) is not None:
            return value
    return None


def _approximation(text: str, parse: Parse) -> Any:
    if "≈" not in text:
        return None
    first, *rest = text.split("≈")
    if not first.strip():
        return parse(rest[-1])
    if NAME.fullmatch(first):
        return Named(bare_name(first), parse(rest[-1]), plain(text))
    return parse(first)


def _equation(text: str, parse: Parse) -> Any:
    """`name = value`; a chain of equations is its first side and its last."""
    parts = top_level(text, "=∈") or [text]
    if len(parts) < 2 or re.search("[<>≤≥≠]", text):
        return None
    left, right = parts[0], parts[-1]
    if "∈" in text or ("=" in text and NAME.fullmatch(left)):
        if not NAME.fullmatch(left):
            return Expression(plain(text), relation=True)
        return Named(bare_name(left), parse(right), f"{plain(left)} = {plain(right)}")
    if "=" in text and _LABEL.fullmatch(left) and not _FUNCTION_CALL.search(left):
        return parse(right)
    if _BOUND.match(left) or not re.search(r"[A-DF-HJ-Za-df-hj-z]", _commandless(left)):
        if not left.strip():
            raise Unparsable("nothing before an equals sign")
        if NAME.fullmatch(right) and not _BOUND.match(left):
            return Named(bare_name(right), parse(left), f"{plain(right)} = {plain(left)}")
        value = parse(right)
        if not isinstance(value, Expression) or not re.search(r"[A-DF-HJ-Za-df-hj-z]", _commandless(value.text)):
            return value
    equation = Expression(f"{plain(left)} = {plain(right)}", relation=True)
    if len(parts) > 2 and not any(re.search("[A-Za-z]", _commandless(part)) for part in parts[-2:]):
        return Either((equation, parse(right)), 1)  # `-b/a = -6/2 = -3` is a computation, too
    return equation


def _commandless(text: str) -> str:
    return re.sub(r"\\(?:text|begin|end|operatorname)\{[^{}]*\}|\\[A-Za-z]+", " ", text)


def _inequality(text: str, parse: Parse) -> Any:
    """A name between bounds is an interval; other inequalities need algebra."""
    signs = re.findall("[<>≤≥≠=]", text)
    if not re.search("[<>≤≥≠]", text):
        return None
    parts = top_level(text, "<>≤≥≠=")
    if parts is None or len(parts) != len(signs) + 1 or not all(part.strip() for part in parts):
        raise Unparsable("a relation without two sides, or inside brackets")
    whole = Expression(plain(text), relation=True)
    if len(parts) == 2 and signs[0] != "≠" and signs[0] != "=":
        if NAME.fullmatch(parts[1]) and not NAME.fullmatch(parts[0]):
            parts, signs = parts[::-1], [{"<": ">", ">": "<", "≤": "≥", "≥": "≤"}[signs[0]]]
        if (
            not NAME.fullmatch(parts[0])
            or parts[0].strip().startswith("|")
            or re.search("[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", parts[1]))
        ):
            return whole
        bound, closed = parse(parts[1]), signs[0] in "≤≥"
        low, high = Expression(r"-\infty"), Expression(r"\infty")
        if signs[0] in "<≤":
            interval = Group("(" + ("]" if closed else ")"), (low, bound), plain(text))
        else:
            interval = Group(("[" if closed else "(") + ")", (bound, high), plain(text))
        return Named(bare_name(parts[0]), interval, plain(text))
    if len(parts) == 3 and NAME.fullmatch(parts[1]) and not parts[1].strip().startswith("|"):
        low, name, high = parts
        if set(signs) <= set(">≥"):
            low, high, signs = high, low, [{">": "<", "≥": "≤"}[sign] for sign in signs[::-1]]
        if set(signs) <= set("<≤"):
            kind = ("[" if signs[0] == "≤" else "(") + ("]" if signs[1] == "≤" else ")")
            return Named(bare_name(name), Group(kind, (parse(low), parse(high)), plain(text)), plain(text))
    return whole


def plain(text: str) -> str:
    """Text with its operators written as commands again, as the algebra reads it."""
    return _BACK_RE.sub(lambda match: _BACK[match[0]], text).strip()


def bare_name(text: str) -> str:
    """A name without braces, spaces and commands for its font."""
    text = re.sub(r"\\(?:text|mathbf|mathrm)", "", text)
    return re.sub(r"[\s{}_\\]", "", text)
