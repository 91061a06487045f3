"""Normalises text as SQuAD does (Rajpurkar et al. 2016, arXiv:1606.05250): case, punctuation, articles, spaces."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalised(text: str) -> str:
    """Lower case, letters and digits only, no articles, single spaces; NFKC first, so that full-width forms agree."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(character if character.isalnum() or character.isspace() else _gap(character) for character in text)
    without = " ".join(_ARTICLES.sub(" ", text).split())
    return without or " ".join(text.split())  # an answer that is only an article stays itself


def _gap(character: str) -> str:
    """What a character that is no letter, digit or space becomes: marks on letters and the minus sign matter."""
    if unicodedata.category(character) in ("Mn", "Mc", "Sm", "Sc") or character == "-":
        return character if character != "-" else " -"
    return "" if character in "'’." else " "
