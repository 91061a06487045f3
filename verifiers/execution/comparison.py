"""Is what a program answered what was wanted? Numbers within a tolerance, containers item by item, else text.

Used by `verifiers.code`, outside of the sandbox: a program never gets to see what it is compared with.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from fractions import Fraction
from typing import Any

_LITERAL_LENGTH = 10_000
_DIGITS = 4_000
_DEEPEST = 100
_SIGNS = re.compile(r"(?:[-+~]\s*){10}")
_PLAIN = re.compile(r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_CURRENCY = re.compile(r"[$£€]\s?")
_LAST_NUMBER = re.compile(r"-?[$£€]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


def read(text: str) -> Any:
    """A text as the value that it writes: a number, a Python literal, or else itself without space around it.

    Numbers are exact (`0.1` is 1/10); `1,234`, `$5`, `3/4` and `1e3` are numbers; `nan` and infinities are not.
    """
    text = text.strip()
    if (value := _number(text)) is not None:
        return value
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    if not text.startswith(("(", "[", "{", "'", '"', "b", "set(", "frozenset(")) or not _readable(text):
        return text
    try:
        with warnings.catch_warnings():  # a text such as "(1)(2)" makes the compiler warn before it is refused
            warnings.simplefilter("ignore")
            return literal(ast.parse(text, mode="eval").body)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def literal(node: ast.expr) -> Any:
    """The value of an expression made of literals, and of `set`, `frozenset`, `tuple`, `list`, `dict` of one.

    Raises:
        ValueError: it is made of something else.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords and len(node.args) <= 1:
        kinds = {"set": set, "frozenset": frozenset, "tuple": tuple, "list": list, "dict": dict}
        if node.func.id in kinds:
            try:
                return kinds[node.func.id](*(literal(argument) for argument in node.args))
            except TypeError as error:
                raise ValueError(str(error)) from None
    try:
        return ast.literal_eval(node)
    except TypeError as error:  # a set of lists
        raise ValueError(str(error)) from None


def same(answer: Any, gold: Any, absolute: float, relative: float) -> bool:
    """Whether two values are the same.

    Numbers: exactly, or within either tolerance of the gold; a truth value is no number. Lists and tuples: the same
    items in the same order; a list for a tuple is no mistake. Sets: the same items, exactly. Dicts: the same keys with
    the same values. Text: equal but for the amount of space. Anything else: equal to Python and of one type.

    Args:
        answer: a plain value out of the sandbox, or one that `read` gave.
        gold: the value wanted, likewise.
        absolute: a number may be this far from the gold.
        relative: it may be this fraction of the gold away from it.
    """
    if isinstance(answer, bool) or isinstance(gold, bool):
        return answer is gold
    if isinstance(answer, (int, float, Fraction)) and isinstance(gold, (int, float, Fraction)):
        return _near(answer, gold, absolute, relative)
    if isinstance(answer, (list, tuple)) and isinstance(gold, (list, tuple)):
        return len(answer) == len(gold) and all(
            same(one, other, absolute, relative) for one, other in zip(answer, gold, strict=True)
        )
    if isinstance(answer, (set, frozenset)) and isinstance(gold, (set, frozenset)):
        return answer == gold
    if isinstance(answer, dict) and isinstance(gold, dict):
        return answer.keys() == gold.keys() and all(same(answer[key], gold[key], absolute, relative) for key in gold)
    if isinstance(answer, str) and isinstance(gold, str):
        return answer.split() == gold.split()
    return type(answer) is type(gold) and bool(answer == gold)


def last_number(text: str) -> str | None:
    """The last number in a line, as it is written; None where there is none."""
    found = _LAST_NUMBER.findall(text[-_LITERAL_LENGTH:])
    return found[-1].rstrip(",") if found else None


def _number(text: str) -> Fraction | None:
    top, slash, bottom = text.partition("/")
    value = _plain(_CURRENCY.sub("", top.strip(), count=1))
    if not slash or value is None:
        return value
    below = _plain(bottom.strip())
    return value / below if below else None


def _plain(text: str) -> Fraction | None:
    if len(text) > _DIGITS or not _PLAIN.fullmatch(text):
        return None
    return Fraction(text.replace(",", ""))


def _near(answer: int | float | Fraction, gold: int | float | Fraction, absolute: float, relative: float) -> bool:
    if not (_finite(answer) and _finite(gold)):
        return isinstance(answer, float) and isinstance(gold, float) and answer == gold  # two infinities; never a nan
    exact, wanted = Fraction(answer), Fraction(gold)
    error = abs(exact - wanted)
    return error <= Fraction(absolute) or error <= abs(wanted) * Fraction(relative)


def _finite(value: int | float | Fraction) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _readable(text: str) -> bool:
    """Whether a text is of a size and depth that Python's parser may be given."""
    if len(text) > _LITERAL_LENGTH or _SIGNS.search(text):
        return False
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest <= _DEEPEST
