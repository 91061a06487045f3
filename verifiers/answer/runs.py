r"""Finds the mathematics in running text: the longest runs that are numbers, formulas, and what joins them.

In `it makes 20 - 5 = 15 apples in all` the run is `20 - 5 = 15 apples`; `3 1/2 cups`, `2^10`, `7π square inches`,
`3:15 PM`, `x ≤ -2 or x ≥ 2` and `$x = 2$ or $x = 3$` are one run each. Numbers belong to one list only where a comma or
a word like `and` alone stands between them. Every function here takes linear time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.latex import CURRENCY
from verifiers.answer.run_tokens import DEEPEST, FUNCTIONS, Token, begins, token_at, tokens_of
from verifiers.answer.run_words import word_tokens

_EXCLAIMED = re.compile(r"\s*(?:$|\n|[A-Z])")
_STATING = re.compile(r"(?i)(?:(?:\b(?:is|are|be|was|were|equals?|of|get|gives?|have|has)|[:=]|^)\s*(?:\ball\s+)?)$")


class Run(NamedTuple):
    """A run of mathematics: where it begins and ends in the text."""

    start: int
    end: int


def runs(text: str, *, stated: bool = False) -> list[Run]:
    """The runs of mathematics in a text, in order.

    Args:
        text: running text, with money masked by `mask_money`.
        stated: whether the text states an answer, so that words at its end belong to the number before them
            (`15 apples`) and `5 cats and 2 dogs` is a list; elsewhere only known units do.
    """
    tokens = tokens_of(text)
    found: list[Run] = []
    at = 0
    while at < len(tokens):
        if not begins(tokens, at):
            at += 1
            continue
        end = _end(tokens, at, text, stated)
        last = _trimmed(tokens, at, _closed(tokens, at, end))
        if last == at:
            at += 1
            continue
        if any(token.kind in ("formula", "number", "letter", "command") for token in tokens[at:last]):
            stop = tokens[last - 1]
            if stop.text == "!" and _EXCLAIMED.match(text, stop.end) and last - 1 > at:
                stop = tokens[last - 2]  # a sentence that ends in an exclamation mark is no factorial
            found.append(Run(tokens[at].start, stop.end))
        at = max(end, at + 1)
    return found


def _end(tokens: list[Token], at: int, text: str, stated: bool) -> int:
    """The index after the last token of the run that begins at `at`."""
    lists = stated or bool(_STATING.search(text[max(0, tokens[at].start - 40) : tokens[at].start]))
    depth = 0
    index = at
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "word":
            if (step := word_tokens(tokens, index, at, text, stated, lists)) == 0:
                break
            index += step
            continue
        if token.kind == "other":
            if token.text == "." and index + 1 < len(tokens) and tokens[index - 1].text == "Rs":
                index += 1
                continue
            if token.text in ("'", "′", '"') and index > at:
                index += 1
                continue
            if token.text == "\n" and depth:
                index += 1
                continue
            break
        if token.kind == "open":
            following = token_at(tokens, index + 1)
            if following.kind == "word" and len(following.text) > 1 and following.text not in FUNCTIONS and depth == 0:
                break
            depth += token.text != "|"
            if depth > DEEPEST:
                break
        elif token.text == r"\{":
            depth += 1
            if depth > DEEPEST:
                break
        elif token.kind == "close" or token.text == r"\}":
            if not depth:
                break
            depth -= 1
        elif token.kind == "mark" and not depth:
            if not _mark(tokens, index, at, lists):
                break
        elif (token.kind == "number" and index > at and not _follows(tokens, index, text)) or (
            token.kind == "formula" and index > at and tokens[index - 1].kind in ("number", "formula", "close")
        ):
            break
        index += 1
    return index


def _follows(tokens: list[Token], index: int, text: str) -> bool:
    """Whether the number at an index belongs to the token before it: groups of digits, a mixed number, a compound."""
    before, token = tokens[index - 1], tokens[index]
    if before.kind == "number":
        if re.fullmatch(r"[0-9]{3}(?:[.,][0-9]+)?", token.text) and re.fullmatch(r"[0-9]{1,3}", before.text):
            return True
        if re.fullmatch(r"[0-9]{3}(?:[.,][0-9]+)?", token.text) and index > 1 and tokens[index - 2].kind == "number":
            return True
        return token_at(tokens, index + 1).text in ("/", "⁄") and before.text.isdigit()
    return before.kind != "formula"


def _mark(tokens: list[Token], index: int, at: int, lists: bool) -> bool:
    """Whether a comma, a semicolon or a colon outside brackets goes on with the run."""
    token, before = tokens[index], tokens[index - 1]
    following = token_at(tokens, index + 1)
    if token.text == ":":
        return before.kind in ("number", "formula", "close", "word") and following.kind in ("number", "formula")
    if following.text in ("and", "or"):
        return begins(tokens, index + 2) if index + 2 < len(tokens) else False
    if index + 1 >= len(tokens) or not begins(tokens, index + 1):
        return False
    named = any(part.kind == "relation" for part in tokens[at:index]) or before.kind == "formula"
    if named:
        return following.kind == "formula" or (
            following.kind == "word" and token_at(tokens, index + 2).kind in ("relation", "open")
        )
    return lists or before.kind == "close"


def _closed(tokens: list[Token], at: int, end: int) -> int:
    """The end of a run before its first bracket that it does not close."""
    opened: list[int] = []
    for index in range(at, end):
        if tokens[index].text in ("(", "[", "{", r"\{"):
            opened.append(index)
        elif opened and tokens[index].text in (")", "]", "}", r"\}"):
            opened.pop()
    return opened[0] if opened else end


def _trimmed(tokens: list[Token], at: int, end: int) -> int:
    """The end of a run without what dangles behind it."""
    while end > at + 1:
        token = tokens[end - 1]
        dangling = (
            (
                token.kind in ("mark", "relation", "open", "money")
                and token.text not in ("€", "£", "¥", "₹", "¢", CURRENCY, r"\$")
            )
            or (token.kind == "operator" and token.text not in ("!", "%", "°"))
            or (token.kind == "word" and token.text in ("and", "or", "to"))
            or (token.kind == "other")
            or token.text in (r"\ ", r"\,", r"\;", r"\:", r"\!")
        )
        if not dangling:
            break
        end -= 1
    return end
