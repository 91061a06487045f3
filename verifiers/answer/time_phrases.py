"""Sets apart the time that a sentence ends with: in `45 apples are left after 3 days` the number asked for is 45."""

from __future__ import annotations

import re

_NUMBER = r"(?:[0-9][0-9,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_UNIT = r"(?:second|minute|hour|day|night|week|weekend|month|year|decade)s?"
_AT_END = re.compile(
    rf"(?i)[\s,]+(?:in|after|within|over|during|across)\s+"
    rf"(?:(?:the|those|these|all|a|total|of|first|last|next)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+)?\s+{_UNIT}\s*[.!]?\s*$"
)
_LONGEST = 80
"""Characters of such a phrase, at most."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


def without_time(text: str) -> str:
    """The text without the time that its last sentence ends with, where another number stands before that.

    Args:
        text: running text.
    """
    text = text.rstrip()
    found = _AT_END.search(text, max(0, len(text) - _LONGEST))
    if found is None:
        return text
    before = text[max(0, found.start() - 1_000) : found.start()]
    ends = [match.end() for match in _SENTENCE_END.finditer(before)]
    return text[: found.start()] if re.search("[0-9]", before[ends[-1] if ends else 0 :]) else text
