"""Reads answers in words: one word, one letter, a known phrase, or what stands in `\\text{}`."""

from __future__ import annotations

import re

from verifiers.answer.units import ALL_INTEGERS, ALL_REALS, PHRASES
from verifiers.answer.values import Expression, Unparsable, Words

_WORD = re.compile(r"(?:[A-Za-z]+|[A-Za-z]{3,}(?:['-][A-Za-z]{3,})+)\.?")
_COUNTING = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion nan"
)
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_TEXT_AND_NAME = re.compile(
    r"\\text\{([^{}]*\b(?:odd|even|positive|negative|composite|prime|real|primes|integers?|numbers?|values?)\s*)\}\s*[a-z]"
)
"""Words and the name that they are said of: `\\text{odd } n`."""
_ARTICLE = re.compile(r"(?:an?|the)\s+(?=[a-z]{2})")
_NUMBER_WORDS = frozenset(_COUNTING.split())


def in_words(text: str) -> Words | Expression | None:
    """An answer in words: one word, one letter, or `\\text{several words}`."""
    match = _TEXT.fullmatch(text) or _TEXT_AND_NAME.fullmatch(text)
    inner = match[1] if match else text
    bare = inner.strip().strip("()\"'.!* ").lower()
    if not match and re.search(r"[A-Za-z]['’]+$", inner.rstrip(")")):
        return None  # a name with a prime
    if not match and not _WORD.fullmatch(inner.strip("()\"'* ")) and bare not in PHRASES:
        return None
    if not bare:
        raise Unparsable("empty text")
    if not re.fullmatch(r"[a-z][a-z'., -]*", bare) or _NUMBER_WORDS & set(re.split("[ -]", bare)):
        raise Unparsable("words that are not an answer, or a number in words")
    if bare in ALL_REALS:
        return Expression(r"\mathbb{R}", relation=True)
    if bare in ALL_INTEGERS:
        return Expression(r"\mathbb{Z}", relation=True)
    if len(bare) == 1:
        letter = inner.strip().strip("()\"'.!* ")
        return Words(letter, letter)
    bare = _ARTICLE.sub("", bare)
    return Words(re.sub(r"[\s,.'-]+", " ", bare).strip(), inner.strip() if not match and len(bare) <= 3 else None)
