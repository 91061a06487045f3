"""Says which words of running text belong to the mathematics before them: units, functions, `and` in a list."""

from __future__ import annotations

import re

from verifiers.answer.run_tokens import FUNCTIONS, Token, begins, token_at
from verifiers.answer.units import KNOWN_WORDS, UNITS, singular

_NO_UNITS = (
    "and or of for in on at by with because since as so from when where if which that who after before per is are was "
    "were has have had the a an to into left more than not but while until each every all during once"
)
STOPPING = frozenset(_NO_UNITS.split())
"""Words that are no unit, so that a number before them ends."""
_OPERATIONS = re.compile(
    r"(?:times|plus|minus|over|divided by|multiplied by|to the power of|factorial|squared|cubed)\b"
)


def word_tokens(tokens: list[Token], index: int, at: int, text: str, stated: bool, lists: bool) -> int:
    """How many tokens from a word on belong to the run; 0 where it ends before the word.

    Args:
        tokens: the tokens of a text.
        index: that of the word.
        at: that of the run's first token.
        text: the text.
        stated: whether it states an answer (`verifiers.answer.runs.runs`).
        lists: whether a list may go on here.
    """
    token, before, following = tokens[index], tokens[index - 1] if index > at else None, token_at(tokens, index + 1)
    word = token.text
    if word in FUNCTIONS or (before is None and len(word) == 1):
        return 1
    if before is None:
        return 0
    if word in ("and", "or"):
        if index + 1 >= len(tokens) or not begins(tokens, index + 1):
            return 0
        united = before.kind == "word" and len(before.text) > 1
        both = any(part.kind in ("relation", "formula") for part in tokens[at:index])
        return int(both or (lists and (stated or not united)) or _compound(tokens, index - 1, index + 1))
    if word == "to" and before.kind == "number" and following.kind == "number":
        return int(stated or "ratio" in text[max(0, tokens[at].start - 60) : tokens[at].start].lower())
    if (match := _OPERATIONS.match(text, token.start)) and before.kind in ("number", "close", "formula", "word"):
        count = len(match[0].split())
        return count if match[0] in ("squared", "cubed", "factorial") or begins(tokens, index + count) else 0
    if len(word) == 1:
        if before.end == token.start or before.kind in ("operator", "relation", "open", "mark"):
            return 1
        if before.text in ("and", "or"):
            return 1
        if word in "xX" and begins(tokens, index + 1) and before.kind in ("number", "word", "close"):
            return 1
        return int(
            (following.kind in ("relation", "operator") and before.kind in ("operator", "relation"))
            or (word in "gmlhsL" and before.kind == "number")
        )
    if before.kind == "relation" or (before.kind == "operator" and before.text not in ("%", "°", "!")):
        return int(len(word) <= 3 and before.kind == "relation")
    if before.end == token.start:  # `5x`, `12cm`, `45k`, `2nd`
        return int(len(word) <= 4 or word.lower() in KNOWN_WORDS)
    if word.lower() in KNOWN_WORDS or word.lower() in ("am", "pm", "noon", "usd", "eur", "gbp", "inr"):
        feet = index > at + 2 and tokens[index - 2].text.lower() in ("ft", "feet", "foot")
        return int(word.lower() != "in" or feet or following.kind in ("end", "other", "operator"))
    return _unknown_words(tokens, index, stated)


def _unknown_words(tokens: list[Token], index: int, stated: bool) -> int:
    """Words that may be a unit: where an operation goes on behind them, or the stated answer ends with them."""
    if tokens[index - 1].kind not in ("number", "close", "operator", "formula", "letter", "word"):
        return 0
    count = 0
    while count < 3 and token_at(tokens, index + count).kind == "word" and len(tokens[index + count].text) > 1:
        if tokens[index + count].text.lower() in STOPPING:
            break
        count += 1
    following = token_at(tokens, index + count)
    if not count:
        return 0
    goes_on = following.kind == "relation" or (
        (following.text in ("+", "*", "/", "×", "÷", "-", "−") or following.text in ("x", "X"))
        and begins(tokens, index + count + 1)
    )
    if goes_on:
        return count
    ends = following.kind == "end" or (following.kind == "other" and following.text in (".", "!"))
    joins = (
        following.text in ("and", "or", ",") and index + count + 1 < len(tokens) and begins(tokens, index + count + 1)
    )
    return count if stated and (ends or joins) else 0


def _compound(tokens: list[Token], before: int, after: int) -> bool:
    """Whether a number with its unit follows another of the same kind: `1 hour and 30 minutes`."""
    units = [token_at(tokens, index) for index in (before, after + 1)]
    if any(unit.kind != "word" for unit in units):
        return False
    kinds = [UNITS.get(singular(unit.text), (None,))[0] for unit in units]
    return kinds[0] is not None and kinds[0] == kinds[1]
