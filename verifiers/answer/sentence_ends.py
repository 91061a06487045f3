"""Sets apart what a sentence ends with and is not its answer.

In `45 apples are left after 3 days` it is the time, in `she paid $45 for the 3 shirts` what the money buys.
"""

from __future__ import annotations

import re

_NUMBER = r"(?:[0-9][0-9,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_UNIT = r"(?:second|minute|hour|day|night|week|weekend|month|year|decade)s?"
_AT_END = re.compile(
    rf"(?i)[\s,]+(?:in|after|within|over|during|across)\s+"
    rf"(?:(?:the|those|these|all|a|total|of|first|last|next)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+)?\s+{_UNIT}\s*[.!]?\s*$"
)
_PRICED = re.compile(
    r"(?i)(?<=[0-9])(?:\s(?:dollars|in\stotal|altogether|total)){0,2}\s+for\s+"
    rf"(?:(?:the|those|these|all|his|her|their|of)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+){{1,3}}\s*[.!]?\s*$"
)
"""What a sum of money at the end of a sentence buys."""
_LONGEST = 80
"""Characters of such a phrase, at most."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


def without_circumstance(text: str) -> str:
    """The text without the time that its last sentence ends with, or what money buys in it, where another number stands
    before that.

    Args:
        text: running text.
    """
    text = text.rstrip()
    found = _AT_END.search(text, max(0, len(text) - _LONGEST))
    if found is None and (found := _PRICED.search(text, max(0, len(text) - _LONGEST))):
        price = text[max(0, found.start() - 20) : found.start()].rpartition(" ")[2]
        found = found if "$" in price or "dollars" in found[0] else None
    if found is None:
        return text
    before = text[max(0, found.start() - 1_000) : found.start()]
    ends = [match.end() for match in _SENTENCE_END.finditer(before)]
    return text[: found.start()] if re.search("[0-9]", before[ends[-1] if ends else 0 :]) else text
