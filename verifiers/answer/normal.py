"""Normalises text as SQuAD does (Rajpurkar et al. 2016, arXiv:1606.05250): case, punctuation, articles, spaces."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalised(text: str) -> str:
    """Lower case, letters and digits only, no articles, single spaces; NFKC first, so that full-width forms agree."""
    if text.isascii():
        text = text.lower().translate(_ASCII)
    else:
        text = unicodedata.normalize("NFKC", text).lower()
        text = "".join(map(_plain, text))
    without = " ".join(_ARTICLES.sub(" ", text).split())
    return without or " ".join(text.split())  # an answer that is only an article stays itself


def _plain(character: str) -> str:
    """A character of a normalised text: marks on letters and the minus sign matter, other punctuation does not."""
    if character.isalnum() or character.isspace():
        return character
    if unicodedata.category(character) in ("Mn", "Mc", "Sm", "Sc") or character == "-":
        return character if character != "-" else " -"
    return "" if character in "'’." else " "


_ASCII = {code: _plain(chr(code)) for code in range(128)}
