"""The tokens of running text in which mathematics is looked for, and where a run of it begins."""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.latex import CURRENCY, GARBAGE

_TOKEN = re.compile(
    r"(?P<formula>\$\$[^$]{1,4000}\$\$|\\\[(?:[^\\]|\\(?!\])){1,4000}\\\]|\\\((?:[^\\]|\\(?!\))){1,4000}\\\)"
    r"|(?<!\\)\$(?:\\\$|[^$\n]){1,4000}(?<!\\)\$|\\begin\{(?P<env>[a-z*]{1,20})\}(?:[^\\]|\\(?!end\{)){0,4000}\\end\{(?P=env)\})"
    r"|(?P<text>\\(?:text[a-z]{0,6}|mbox|mathrm)\s*\{[^{}]{0,200}\})"
    r"|(?P<command>\\[A-Za-z]+|\\[%,;:!{} ])"
    r"|(?P<money>\\\$|[€£¥₹¢$"
    + CURRENCY
    + r"]|(?:US|[AC]|NZ|HK)\$|\b(?:USD|EUR|GBP|INR|JPY|CAD|AUD|Rs\.?)(?=\s?[0-9]))"
    r"|(?P<number>[0-9]*\.[0-9]{2,}(?:\.{3}|…)|[0-9]+(?:[.,'_][0-9]+)*(?:[eE][-+]?[0-9]{1,4}(?![0-9A-Za-z]))?|\.[0-9]+)"
    r"|(?P<half>(?<=[0-9 ])[ap]\.\s?m\.?|(?<=[0-9 ])[AP]\.\s?M\.?)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<relation><=|>=|!=|==|=|<(?![/A-Za-z])|>|[≤≥≠≈∈])"
    r"|(?P<operator>\*\*|[-+*/^−–×÷·⋅±∓∪∩%°!_∕⁄%])"
    r"|(?P<letter>[√π∞∅θαβ½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³])"
    r"|(?P<open>[(\[{|])|(?P<close>[)\]}])"
    r"|(?P<space>[ \t\u00a0\u2009\u202f]+)"
    r"|(?P<mark>[,;:])"
    r"|(?P<other>.|\n)"
)
_NAMED = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh cis log ln exp abs sqrt pi infinity infty inf oo gcd "
    "lcm max min"
)
FUNCTIONS = frozenset(_NAMED.split())
_GIVING = frozenset({"answer", "print", "return", "result", "boxed"})
"""Words before brackets that change nothing: `print(42)`."""
DEEPEST = 40
"""Brackets inside brackets, at most; the time that a text takes grows with it."""


class Token(NamedTuple):
    """One token: its kind, its text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, spaces left out."""
    tokens = [
        Token(
            "formula" if match.lastgroup == "env" else match.lastgroup or "other",
            match.group(),
            match.start(),
            match.end(),
        )
        for match in _TOKEN.finditer(text)
    ]
    return [token for token in tokens if token.kind != "space"]


def token_at(tokens: list[Token], at: int) -> Token:
    """The token at an index; one of kind `end` past the last.

    Args:
        tokens: the tokens of a text.
        at: an index.
    """
    return tokens[at] if at < len(tokens) else Token("end", "", 0, 0)


def begins(tokens: list[Token], at: int) -> bool:
    """Whether a run begins at a token.

    Args:
        tokens: the tokens of a text.
        at: the index of one, or that past the last, where none begins.
    """
    token, following = token_at(tokens, at), token_at(tokens, at + 1)
    before = tokens[at - 1] if at else Token("end", "", 0, -1)
    glued = before.end == token.start and (
        before.kind in ("word", "number") or before.text in (".", "@", GARBAGE, "_", "\\")
    )
    if before.text == "(" and at > 1 and _calls(tokens[at - 2], before):
        return False
    if token.kind in ("formula", "text"):
        return token.kind == "formula" or following.kind not in ("word", "end", "other")
    if token.kind in ("number", "letter"):
        return not glued or (before.kind == "word" and token.kind == "letter")
    if token.kind == "money":
        return following.kind in ("number", "operator")
    if token.kind == "command":
        return token.text not in (r"\ ", r"\,", r"\;", r"\:", r"\!", r"\}", r"\item", r"\n")
    if token.kind == "operator":
        return (
            token.text in ("-", "+", "−", "±", "–")
            and not glued
            and following.kind in ("number", "money", "letter", "open", "command", "word")
            and (following.kind != "word" or len(following.text) == 1)
            and following.start == token.end
        )
    if token.kind == "open":
        inner = at + 1
        while inner < min(at + DEEPEST, len(tokens)) and tokens[inner].kind == "open":
            inner += 1
        inside = inner < len(tokens) and tokens[inner].kind != "open" and begins(tokens, inner)
        return token.text != "|" and not glued and inside
    if token.kind == "word" and not glued:
        if token.text in FUNCTIONS:
            return following.kind in ("open", "number", "letter") or token.text in ("pi", "infinity")
        if len(token.text) == 1:
            if following.kind == "relation" or (following.kind == "operator" and following.text in "+-*/^_−"):
                return (
                    token_at(tokens, at + 2).kind not in ("word", "end", "other")
                    or len(token_at(tokens, at + 2).text) == 1
                )
            if following.kind == "open" and following.start == token.end:
                inner, behind = token_at(tokens, at + 2), token_at(tokens, at + 3)
                product = inner.kind == "word" and len(inner.text) == 1 and behind.kind == "operator"  # `n(n + 1)`
                return product or (behind.kind == "close" and token_at(tokens, at + 4).kind == "relation")
    return False


def _calls(name: Token, bracket: Token) -> bool:
    """Whether a bracket holds what a function in words is of, which nobody can read: `floor(3.7)` is no 3.7."""
    touches = name.kind == "word" and name.end == bracket.start and len(name.text) > 1
    return touches and name.text not in FUNCTIONS and name.text.lower() not in _GIVING
