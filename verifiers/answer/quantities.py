"""Reads quantities that are more than a number: ratios in words, sums of units, times, letters that may be units."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from verifiers.answer.numbers import Number, compound, parse_number, period, suffixed
from verifiers.answer.relations import Parse, plain
from verifiers.answer.values import Either, Expression, Group, Time

_OUT_OF = re.compile(r"([0-9]{1,9})\s+(?:in|out\s+of)\s+([1-9][0-9]{0,8})")
_OCLOCK = re.compile(r"(1?[0-9])\s*o'\s?clock\.?", re.IGNORECASE)
_FEET = re.compile(r"([0-9]{1,3})\s*'\s*([0-9]{1,2}(?:\.[0-9]+)?)\s*(?:\"|'')")
_LETTER_UNIT = re.compile(
    r"([0-9][0-9.,/]*(?:\s*\\times\s*10\s*\^\s*(?:\{-?[0-9]{1,3}\}|[0-9])|[eE][-+]?[0-9]{1,3})?)\s+([mgLlshNJWVAK])(?:\s*\^\s*\{?\s*([23])\s*\}?)?"
)
_TO = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s+to\s+([0-9]+(?:\.[0-9]+)?)\s*")


def quantity(text: str, parse: Parse) -> Any:
    """A ratio in words, a sum of units, or a number with a letter that multiplies it; else None.

    Args:
        text: cleaned text that begins with a digit.
        parse: reads a side of a ratio.
    """
    if match := _TO.fullmatch(text):
        ends = parse(match[1]), parse(match[2])
        return Either((Group("ratio", ends, text), Group("[]", ends, text)))
    if match := _OUT_OF.fullmatch(text):
        return Number(Fraction(int(match[1]), int(match[2])))
    if match := _OCLOCK.fullmatch(text):
        return Either((Time(int(match[1]), 0), Number(Fraction(int(match[1])))), 2)
    if match := _FEET.fullmatch(text):
        text = f"{match[1]} feet {match[2]} inches"
    if match := _LETTER_UNIT.fullmatch(text):
        number = parse_number(f"{match[1]}\\text{{ {match[2]}}}" + (f"^{match[3]}" if match[3] else ""))
        return Either((number, Expression(plain(text))), 2) if number is not None else None
    if ")" in text and (number := period(text)) is not None:
        return Either((number, Expression(plain(text))))
    if sums := compound(text):
        return Either(sums, len(sums))
    if (number := suffixed(text)) is not None:
        return Either((number, Expression(plain(text))), 2) if " " not in text else number
    return None
