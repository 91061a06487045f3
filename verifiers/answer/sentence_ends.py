"""Sets apart what a sentence ends with and is not its answer.

In `45 apples are left after 3 days` it is the time, in `she paid $45 for the 3 shirts` what the money buys, in `the
remainder is 3 when 24 is divided by 7` the condition, in `each gets 6 because 24 / 4 = 6` the reason, in `it takes 5
weeks to save $75` the aim, in `48 of the 60 cows remain` the whole.
"""

from __future__ import annotations

import re

_NUMBER = r"(?:[0-9][0-9,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_UNIT = r"(?:second|minute|hour|day|night|week|weekend|month|year|decade)s?"
_AT_END = re.compile(
    rf"(?i)[\s,]+(?:in|after|within|over|during|across)\s+"
    rf"(?:(?:the|those|these|all|a|total|of|first|last|next)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+)?\s+{_UNIT}\s*[.!]?\s*$"
    rf"|[\s,]+(?:by|in|on|at|after)\s+(?:the\s+end\s+of\s+)?{_UNIT}\s+[0-9]{{1,4}}\s*[.!]?\s*$"
    r"|[\s,]+(?:and\s+)?(?:i['’]?\s?a?m|we['’]?\s?a?re)\s+(?:\w+\s+){0,2}[0-9]{1,3}\s?\\?%\s+(?:sure|certain|confident)\b[^.!?\n]{0,30}[.!]?\s*$"
    r"|,\s+[0-9]+\s+of\s+(?:which|whom|them)\s[^.!?\n]{1,60}[.!]?\s*$"
    r"|\s+(?:on|in|at|for|by)\s+(?:the|her|his|their|its|my)\s+[0-9]{1,3}(?:st|nd|rd|th)\s+[a-z]+\s*[.!]?\s*$"
    r"|,\s+(?:(?:which|that)\s+is\s+)?\$?[0-9][0-9,.]*%?\s+(?:[a-z]+\s+){0,2}(?:more|less|fewer|longer|shorter|older|younger"
    r"|taller|higher|lower|larger|smaller)\s+than\s[^.!?\n]{1,60}[.!]?\s*$"
)
_PRICED = re.compile(
    r"(?i)(?<=[0-9])(?:\s(?:dollars|in\stotal|in\sall|altogether|total)){0,2}\s+"
    r"(?:for|(?:from|by|on)\s+(?:(?:the\s+)?(?:sale|purchase)\s+of|selling|buying))\s+"
    rf"(?:(?:the|those|these|all|his|her|their|of)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+){{1,5}}\s*[.!]?\s*$"
)
"""What a sum of money at the end of a sentence buys."""
_CLAUSE = re.compile(
    r"(?i)[\s,]+(?:when|once|if|unless|where|because|since|given\s+that|provided\s+that|assuming"
    r"|(?:after|before|while|without|by)\s+[a-z]+ing"
    r"|which\s+(?:matches|agrees|fits|confirms|satisfies|checks)"
    r"|which\s+(?:is|was)\s+(?:\S+\s+){0,2}?(?:times|twice|half|double|more|less|fewer|older|younger|taller|longer"
    r"|larger|greater|higher|lower|as\s+(?:many|much)))\s"
    r"(?:(?!\b(?:so|thus|hence|therefore|then)\b)(?:[^,.;:!?\n]|[.,:](?=[0-9]))){1,100}[.!]?\s*$"
)
"""A condition or a reason at the end of a sentence, from which nothing is concluded."""
_ASIDE = re.compile(
    r"\s\((?=[^()\n]*\b(?:was|were|had|has|have|since|because|compared|instead|rounded|from|out\sof)\b"
    r"|[^()\n]*[0-9][^()\n]*\b(?:for|plus|per|each|of|with)\b[^()\n]*[0-9])[^()\n]{1,76}\)"
    r"[.!]?\s*$",
    re.IGNORECASE,
)
"""A remark in brackets at the end of a sentence."""
_AT_PLACE = re.compile(
    r"(?i)[\s,]+(?:(?:(?:which\s+)?is\s+)?(?:attained|achieved|reached|obtained|found|which\s+occurs|occurring)\s+)?"
    r"(?:at|for)\s+\$?[a-z]\s*=\s*[^\s,;=]{1,30}(?:\s+and\s+\$?[a-z]\s*=\s*[^\s,;=]{1,30})?[.!]?\s*$"
)
"""Where a value is taken: `the minimum is -4 at x = 1`."""
_TO_REACH = re.compile(r"(?i)\s+to\s+[a-z]+\s[^,.;:!?\n]{0,60}[0-9][^,;:!?\n]{0,30}?[.!]?\s*$")
_NEEDED = re.compile(r"(?i)\b(?:takes?|took|needs?|needed|requires?|required|enough)\b[^.!?\n]*[0-9]")
"""What something is needed for: `it takes 5 weeks to save $75`."""
_PART_OF = re.compile(
    r"(?i)(?<=[0-9])(?:\s+[a-z]+){0,2}\s+of\s+(?:the|her|his|their|its|my|our|these|those|all)\s+[0-9][0-9,]*"
    r"(?:\s+[a-z]+){0,5}\s*[.!]?\s*$"
)
"""What the counted are a part of: `48 of the 60 cows remain`."""
_IN_A_YEAR = re.compile(
    r"(?i)(?<=[0-9])(?P<counted>(?:\s(?!(?:born|later|earlier|turn\w*|year|old|died|until|and|so)\b)[a-z]+){0,5})"
    r"\s(?:in|by)\s(?:the\s(?:year|end\sof)\s)?(?:1[5-9]|20)[0-9]{2}\s*[.!]?\s*$"
)
"""The year in which there are so many: `there will be 300 of them in 2025`."""
_LONGEST = 120
"""Characters of such a phrase, at most."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


def without_circumstance(text: str) -> str:
    """The text without the circumstance that its last sentence ends with, where another number stands before that.

    Args:
        text: running text.
    """
    text = text.rstrip()
    at = max(0, len(text) - _LONGEST)
    found = _AT_END.search(text, at) or _bought(text, at)
    if found is None and (year := _IN_A_YEAR.search(text, at)):
        return text[: year.end("counted")]
    found = found or _aim(text, at)
    for pattern in (_ASIDE, _PART_OF, _CLAUSE, _AT_PLACE):
        found = found or pattern.search(text, at)
    if found is None:
        return text
    before = text[max(0, found.start() - 1_000) : found.start()]
    ends = [match.end() for match in _SENTENCE_END.finditer(before)]
    return text[: found.start()] if re.search("[0-9]", before[ends[-1] if ends else 0 :]) else text


def _bought(text: str, at: int) -> re.Match[str] | None:
    """What money buys at the end of a text, looked for from an index on."""
    found = _PRICED.search(text, at)
    if found is None:
        return None
    price = text[max(0, found.start() - 20) : found.start()].rpartition(" ")[2]
    return found if "$" in price or "dollars" in found[0] else None


def _aim(text: str, at: int) -> re.Match[str] | None:
    """What something is needed for at the end of a text, looked for from an index on."""
    found = _TO_REACH.search(text, at)
    if found is None:
        return None
    return found if _NEEDED.search(_SENTENCE_END.split(text[max(0, found.start() - 300) : found.start()])[-1]) else None
