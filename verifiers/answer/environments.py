"""Reads matrices, piecewise values, systems of equations and residues."""

from __future__ import annotations

import re
from typing import Any

from verifiers.answer.latex import top_level
from verifiers.answer.relations import NAME, Parse, bare_name, plain
from verifiers.answer.values import Group, Matrix, Named, Unparsable

MATRIX = re.compile(r"\s*\\begin\{([pbB]?(?:small)?matrix)\}(.*)\\end\{\1\}\s*")
CASES = re.compile(rf"(?:({NAME.pattern})=)?" + r"\s*\\begin\{(?:d|r)?cases\}(.*)\\end\{(?:d|r)?cases\}\s*", re.DOTALL)
_IF = re.compile(r"(?:\\text\{\s*,?\s*(?:if|for|when|where)\s*\}|(?<![A-Za-z])(?:if|for|when|where)(?![A-Za-z]))\s*")
_CONGRUENCE = re.compile(r"(.+?)\s*\\pmod\{([^{}]+)\}\s*|(.+?\\equiv.+?)\s*\\?mod(?![a-z])\s*(.+?)\s*")


def matrix(body: str, text: str, parse: Parse) -> Matrix:
    """A matrix.

    Args:
        body: what stands between its `\\begin` and `\\end`.
        text: all of it.
        parse: reads an entry.

    Raises:
        Unparsable: its rows have different lengths, or it has none.
    """
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    cells = tuple(tuple(parse(cell) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) != 1:
        raise Unparsable("a matrix with rows of different lengths")
    return Matrix(cells, plain(text))


def cases(body: str, text: str, parse: Parse) -> Group:
    """A piecewise value, one case a row; a list where the rows have no conditions, as in a system of equations.

    Args:
        body: what stands between its `\\begin` and `\\end`.
        text: all of it.
        parse: reads a value and a condition.

    Raises:
        Unparsable: some cases have a condition, and one has none.
    """
    rows = [row.strip(" ,;") for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    if not any("&" in _IF.sub("&", row) for row in rows):
        return Group("list", tuple(parse(row) for row in rows), plain(text))
    items: list[Group] = []
    for row in rows:
        value, _, condition = _IF.sub("&", row).partition("&")
        condition = condition.strip("& ,.")
        if not condition:
            raise Unparsable("a case without its condition")
        items.append(Group("case", (parse(value.strip(" ,")), parse(condition)), plain(row)))
    return Group("cases", tuple(items), plain(text))


def congruence(text: str, parse: Parse) -> Any:
    """`x \\equiv 3 \\pmod 7`: a residue and its modulus, with its name if it has one; None where it is none.

    Args:
        text: cleaned text.
        parse: reads the residue and the modulus.
    """
    match = _CONGRUENCE.fullmatch(text)
    if match is None:
        return None
    left, sign, right = (match[1] or match[3]).rpartition(r"\equiv")
    modulus = match[2] or match[4]
    if len(parts := top_level(right, ",") or [right]) > 1:
        residues = tuple(_residue(part, modulus, text, parse) for part in parts)
        value: Any = Group("list", residues, plain(text))
    else:
        value = _residue(right, modulus, text, parse)
    if not sign:
        return value
    return Named(bare_name(left), value, plain(text)) if NAME.fullmatch(left) else None


def _residue(text: str, modulus: str, whole: str, parse: Parse) -> Group:
    return Group("congruence", (parse(text), parse(modulus)), plain(whole))
