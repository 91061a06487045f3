"""Writes the time of day in words as digits: `half past four` is `4:30`."""

from __future__ import annotations

import re

from verifiers.answer.words import SMALL

_HOURS = {word: hour for word, hour in SMALL.items() if 1 <= hour <= 12}
_MINUTES = {"quarter": 15, "half": 30, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
_IN_WORDS = re.compile(
    rf"(?i)\b(?:(?:a\s)?(?P<part>half|quarter|(?:{'|'.join(_MINUTES)}|[0-5]?[0-9])(?P<unit>\sminutes)?)\s(?P<side>past|to)\s)?"
    rf"(?P<hour>{'|'.join(_HOURS)}|1[0-2]|[1-9])(?:\so['’]\s?clock)?(?![\w:]|\.[0-9])"
)


def clock_as_digits(text: str) -> str:
    """The text with each time of day in words as digits: `half past four` becomes `4:30`.

    Args:
        text: running text.
    """
    low = text.lower()
    if "past" not in low and "quarter to" not in low and "minutes to" not in low:
        return text
    return _IN_WORDS.sub(_clock, text)


def _clock(match: re.Match[str]) -> str:
    part, hour = (match["part"] or "").lower().removesuffix(" minutes"), match["hour"].lower()
    if not match["side"]:
        return match[0]
    if match["side"].lower() == "to" and part != "quarter" and not match["unit"]:
        return match[0]  # `ten to three` may be a ratio
    value = int(hour) if hour.isdigit() else _HOURS[hour]
    minutes = (int(part) if part.isdigit() else _MINUTES[part]) if part else 0
    if match["side"].lower() == "to":
        value, minutes = value - 1 or 12, 60 - minutes
    return f"{value}:{minutes:02d}"
