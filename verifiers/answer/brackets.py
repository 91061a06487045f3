r"""Reads what stands in one pair of brackets: tuples, intervals, sets `\{…\}`."""

from __future__ import annotations

from typing import Any

from verifiers.answer.latex import top_level
from verifiers.answer.relations import Parse, plain
from verifiers.answer.values import Expression, Group, Unparsable


def bracketed(text: str, parse: Parse) -> Any:
    """What stands in one pair of brackets around a whole text; None where it is an expression, or no pair does.

    Args:
        text: cleaned text, not empty.
        parse: reads an entry.

    Raises:
        Unparsable: the brackets are empty, or have commas and semicolons.
    """
    opening = r"\{" if text.startswith(r"\{") else text[0]
    closing = r"\}" if text.endswith(r"\}") else text[-1]
    pair = opening + closing
    if pair not in ("()", "(]", "[)", "[]", "{}", r"\{\}") or not spans_all(text):
        return None
    inner = text[len(opening) : -len(closing)]
    if pair == "{}":
        return parse(inner)
    parts = top_level(inner, ",") or []
    semicolons = top_level(inner, ";") or []
    if len(parts) > 1 and len(semicolons) > 1:
        raise Unparsable("commas and semicolons in one bracket")
    parts = parts if len(parts) > 1 else semicolons
    if pair == r"\{\}":
        return _set(inner, parts, text, parse)
    if len(parts) == 1:
        return None if pair not in ("()", "[]") else _inner(inner, parse)
    items = tuple(parse(part) for part in parts)
    return Group("tuple" if pair == "()" else pair, items, plain(text))


def _inner(inner: str, parse: Parse) -> Any:
    if not inner.strip():
        raise Unparsable("empty brackets")
    return parse(inner)


def _set(inner: str, parts: list[str], text: str, parse: Parse) -> Any:
    if not inner.strip():
        return Expression(r"\emptyset", relation=True)
    items: list[Any] = []
    for part in parts:
        item = parse(part)
        items.extend(item.items if isinstance(item, Group) and item.kind == "list" else (item,))
    return Group("set", tuple(dict.fromkeys(items)), plain(text))


def spans_all(text: str) -> bool:
    """Whether the first bracket of a text closes at its end."""
    depth, index = 0, 0
    while index < len(text):
        if text[index] == "\\" and text[index : index + 2] in (r"\{", r"\}"):
            depth += 1 if text[index + 1] == "{" else -1
            index += 1
        elif text[index] in "([{":
            depth += 1
        elif text[index] in ")]}":
            depth -= 1
        if depth == 0:
            return index == len(text) - 1
        index += 1
    return False
