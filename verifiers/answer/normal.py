"""Normalises text as SQuAD does (Rajpurkar et al. 2016, arXiv:1606.05250): case, punctuation, articles, spaces."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_BARE_DECIMAL = re.compile(r"(?<![\w.)])\.(?=[0-9])")
"""A decimal point without the zero before it: `.5`."""
_NO_DECIMAL = re.compile(r"(?<![0-9])\.|\.(?![0-9])")
_PART_OF_A_NAME = re.compile(r"(?<=[a-z])#|(?<=[0-9])\s?%")
"""A sharp and a percent sign, without which a text is another: `C#`, `5%`."""
_GROUPING = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")


def normalised(text: str) -> str:
    """Lower case, letters and digits only, no articles, single spaces; NFKC first, so that full-width forms agree.

    The point of a decimal stays, and the commas that group digits go: `3.5` is not `35`, and `1,000` is `1000`.
    """
    text = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()
    if "." in text or "," in text:
        text = _BARE_DECIMAL.sub("0.", text)
        text = _NO_DECIMAL.sub("", _GROUPING.sub("", text))
    if "#" in text or "%" in text:
        text = _PART_OF_A_NAME.sub(lambda match: "sharp" if match[0] == "#" else " percent", text)
    text = text.translate(_ASCII) if text.isascii() else "".join(map(_plain, text))
    without = " ".join(_ARTICLES.sub(" ", text).split())
    return without or " ".join(text.split())  # an answer that is only an article stays itself


def _plain(character: str) -> str:
    """A character of a normalised text: marks on letters and the minus sign matter, other punctuation does not."""
    if character.isalnum() or character.isspace() or character == ".":
        return character
    if unicodedata.category(character) in ("Mn", "Mc", "Sm", "Sc") or character == "-":
        return character if character != "-" else " -"
    return "" if character in "'’" else " "


_ASCII = {code: _plain(chr(code)) for code in range(128)}
