"""Finds where words stand in a text by plain search, which is many times faster than a pattern of alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UPPER = re.compile("[A-Z]")


def lowered(text: str) -> str:
    """The text in lower case, with every character at its index.

    Args:
        text: any text.
    """
    low = text.lower()
    if len(low) == len(text):
        return low
    return _UPPER.sub(lambda letter: letter[0].lower(), text)  # a letter whose small form is two characters


def places(low: str, words: Iterable[str]) -> list[int]:
    """Where a word begins, in order, that is one of some or begins with one.

    Args:
        low: a text in lower case (`lowered`).
        words: the words, in lower case.
    """
    found: set[int] = set()
    for word in words:
        at = low.find(word)
        while at >= 0:
            if not at or not (low[at - 1].isalnum() or low[at - 1] == "_"):
                found.add(at)
            at = low.find(word, at + 1)
    return sorted(found)
