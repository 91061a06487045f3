"""Tokens of arithmetic in running text: numbers, operators in all their forms, brackets, words, sentence ends.

The expressions are linear: no pattern can be made to backtrack, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers.answer.completion import BOLD, ITALIC

NUMBER = r"\d{1,3}(?:,\d{3}){1,13}(?!,?\d)(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3}(?![\w.]))?|\.\d+"
_WORD = r"[^\W\d_]+(?:[-'’][^\W\d_]+)*"
_TOKEN = re.compile(
    rf"(?P<markdown>{BOLD}|{ITALIC})"
    r"|(?P<skip>\\[()\[\]!,;: ]|\\(?:left|right|quad|qquad|boxed|displaystyle)(?![A-Za-z])|[\$£€¥&#\"“”`]|\\\$)"
    r"|(?P<words>\\(?:text|mathrm|textbf|mbox|textrm)\{[^{}\n]{0,200}\}|(?<![\d)])\((?=[^\W\d_]{2})[^()\d=\n+*/^×÷<>]{1,80}\))"
    r"|(?P<odd>\d{1,2}:\d\d(?!\d)|0\d+(?![\d.,])|(?<=\d),(?=\d)(?!\d{3}(?!\d))|(?<=[\d)])\([^\W\d_][^()\d=\n]{1,80}\))"
    r"|(?P<stop>\n|\\\\|[;:|?]|=>|→|⇒|<=|>=|≤|≥|≠|!=|[.!](?=\s|$)|,(?!\d{3}(?!\d)))"
    r"|(?P<approx>≈|~=|≃|≅|\\approx)"
    r"|(?P<equal>==?)"
    r"|(?P<op>\*\*|[-+*/^−–×·⋅∗÷∙]|\\(?:times|cdot|div)(?![A-Za-z]))"
    rf"|(?P<number>{NUMBER})"
    r"|(?P<percent>\\?%)"
    r"|(?P<frac>\\[dt]?frac)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    rf"|(?P<word>{_WORD})"
    r"|(?P<space>[^\S\n]+)"
    r"|(?P<bad>.)"
)
_OPERATORS = {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "**": "^"}
_OPERATORS |= {r"\times": "*", r"\cdot": "*", r"\div": "/"}
_WORD_OPERATORS = {"plus": "+", "minus": "-", "times": "*"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text (operators in their plain form) and its characters `start` to `end`."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The tokens of a text in order; spaces, Markdown and signs without meaning (`$`, quotes) are left out."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind, start, end = match.lastgroup or "bad", match.start(), match.end()
        content = match.group()
        if kind in ("markdown", "skip", "space"):
            continue
        if kind == "words":
            kind = "word"
        elif kind == "odd":
            kind = "bad"
        elif kind == "op":
            # `20-foot` and `dollars/bill` are words, not sums
            glued = start > 0 and not text[start - 1].isspace() and text[end : end + 1].isalpha()
            kind = "word" if glued and content in "-/" and _is_long_word(text, end) else "op"
            content = _OPERATORS.get(content, content)
        elif kind == "word":
            low = content.lower()
            if low in ("x",) and _joins(tokens, text, start, end):
                kind, content = "op", "*"
            elif low in _WORD_OPERATORS:
                kind, content = "op", _WORD_OPERATORS[low]
            elif low == "percent":
                kind = "percent"
            elif low == "by" and tokens and tokens[-1].text.lower() in ("divided", "multiplied"):
                before = tokens.pop()
                kind, content, start = "op", "/" if before.text.lower() == "divided" else "*", before.start
            elif low in ("st", "nd", "rd", "th") and start > 0 and text[start - 1].isdigit():
                kind = "bad"  # an ordinal is no quantity
            elif len(content) == 1 and content < "⺀" and _is_variable(tokens, text, start, end):
                kind = "bad"
        tokens.append(Token(kind, content, start, end))
    return tokens


def _is_long_word(text: str, start: int) -> bool:
    """Whether a word of two letters or more begins here: a unit or a compound, not a variable."""
    return text[start : start + 2].isalpha()


def _joins(tokens: list[Token], text: str, start: int, end: int) -> bool:
    """Whether an `x` here stands between two operands, so that it is a times sign."""
    if not tokens or tokens[-1].kind not in ("number", "close", "percent", "word"):
        return False
    return bool(re.match(r"\s*[$£€(\[]?\s*[$]?[\d.\\(]", text[end : end + 8])) and (
        tokens[-1].kind != "word" or text[start - 1 : start].isspace()
    )


def _is_variable(tokens: list[Token], text: str, start: int, end: int) -> bool:
    """Whether a single letter here is a variable: it touches a number or an operator (`2x`, `x + 3`, `n = 5`)."""
    after = text[end : end + 3].lstrip()[:1]
    before = tokens[-1] if tokens else None
    touches = before is not None and before.kind in ("number", "close") and before.end == start
    if after in ("", *"0123456789$") or after.isalpha():
        return touches or (before is not None and before.kind == "op" and text[start] not in "aA")
    return touches or (before is not None and before.kind == "op") or after in ("=", "+", "-", "*", "/", "^", "−", "×")
