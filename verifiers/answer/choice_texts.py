"""Texts of choices and completions in the form in which they are compared: no LaTeX, small numbers as words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verifiers.answer.words import SMALL

_DIGITS = {str(number): word for word, number in SMALL.items()}
_DIGIT = re.compile("[0-9]")
_WHOLE = re.compile(r"\b([0-9]+)\.0+(?![0-9])")
_LATEX = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|boxed|fbox|bf|rm|bold|boldsymbol"
    r"|underline|emph|operatorname|left|right)(?![a-zA-Z])|\\[()\[\],;:! ]|(?<!\\)[{}]|\\q?quad"
)
_DOLLARS = re.compile(r"\$([^$\n]{1,200})\$")
_OPERATOR = re.compile(r"[=+*/^<>\\]|(?<=[\w)])\s?-\s?(?=[\w(])")
_ALL_OR_NONE = re.compile(
    r"\s*(all|none)\sof\s(?:them|(?:these|those)(?:\s(?:options|choices|answers))?|the\s(?:above|(?:other\s)?(?:options|choices|answers)(?:\s(?:above|given|listed))?))\s?[.!]?\s*",
    re.IGNORECASE,
)
_PRICE = re.compile(r"\\?\$(?=[0-9])")


def unwrapped(text: str, *, keep_length: bool = False) -> str:
    """A text without LaTeX's commands for text and its dollar signs.

    Args:
        text: any text.
        keep_length: put spaces where the commands stood, so that every character keeps its index.
    """
    if "\\" in text or "{" in text:
        text = _LATEX.sub((lambda match: " " * len(match[0])) if keep_length else " ", text)
    if "$" in text:
        text = _DOLLARS.sub(r" \1 " if keep_length else r"\1", text)
        text = _PRICE.sub(" " if keep_length else "", text)
    return text


def any_of(labels: Sequence[str]) -> str:
    """A pattern for any of the labels, the longest first."""
    return "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))


def compact(text: str) -> str:
    """A formula without its spaces and signs of LaTeX; empty for a text that is none.

    Args:
        text: the text of a choice, or what may be one.
    """
    if len(text) > 400 or not _OPERATOR.search(text):
        return ""
    return re.sub(r"[\s$]", "", unwrapped(text)).rstrip(".")


def all_or_none(text: str) -> str:
    """`all` or `none` for a text that says all or none of the choices and nothing else (`none of these`); else empty.

    Args:
        text: the text of a choice, or what may be one.
    """
    match = _ALL_OR_NONE.fullmatch(text)
    return match[1].lower() if match else ""


def amounts(texts: Sequence[str]) -> list[str]:
    """The number of each choice where they differ in nothing else (`7 years`, `9 years`); else none."""
    parts = [text.partition(" ") for text in texts]
    if len({unit for _, _, unit in parts}) != 1 or not parts[0][2]:
        return []
    found = [amount for amount, _, _ in parts]
    return found if all(amount.isdigit() or amount in _DIGITS.values() for amount in found) else []


def spelt(plain: str) -> str:
    """A normalised text with whole numbers without `.0`, and those from 0 to 20 and the tens as words."""
    if not _DIGIT.search(plain):
        return plain
    return " ".join(_DIGITS.get(word, word) for word in _WHOLE.sub(r"\1", plain).split())
