"""Sets apart what a sentence ends with and is not its answer.

In `45 apples are left after 3 days` it is the time, in `she paid $45 for the 3 shirts` what the money buys, in `the
remainder is 3 when 24 is divided by 7` the condition, in `each gets 6 because 24 / 4 = 6` the reason, in `it takes 5
weeks to save $75` the aim, in `48 of the 60 cows remain` the whole, in `the price is now $60, down from $80` what it
was before. A sentence may end with several: `it costs $24 for 6 pens at $4 each`. A last sentence that checks the
answer (`Check: 14 / 2 = 7`) and a last step without a number of its own (`3. Done.`) are set apart as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

_NUMBER = r"(?:[0-9][0-9,.]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_DIGITS = r"\\?\$?[0-9](?:[0-9]|[,.:/](?=[0-9]))*(?:\s?\\?%)?"
_UNIT = r"(?:second|minute|hour|day|night|week|weekend|month|year|decade)s?"
_THE = r"(?:(?:the|an?|his|her|their|its|my|our|these|those|all|another|usual|original|first|only)\s+){0,2}"
_THOSE = r"the|those|these|his|her|their|its|our|my"
_COMPARED = r"(?:more|less|fewer|longer|shorter|older|younger|taller|higher|lower|larger|smaller)"
_CONCLUDES = r"(?:so|thus|hence|therefore|then|leaving|leaves|making|makes|means|giving)"
_VERB = r"(?:is|are|was|were|has|have|had|will|gives?|gets?|makes?|equals?|remains?|needs?|pays?|paid|earns?|earned)"
_ENDS = r"\s*[.!]?\s*$"
_AT_END = re.compile(
    rf"(?i)[\s,]+(?:in|after|within|over|during|across)\s+"
    rf"(?:(?:the|those|these|all|a|total|of|first|last|next)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+)?\s+{_UNIT}{_ENDS}"
    rf"|[\s,]+(?:by|in|on|at|after)\s+(?:the\s+end\s+of\s+)?{_UNIT}\s+[0-9]{{1,4}}{_ENDS}"
    rf"|[\s,]+(?:by|at|until|till|before|after)\s+[0-9]{{1,2}}(?::[0-9]{{2}})?\s*(?:[ap]\.?m\b\.?|o['’]\s?clock){_ENDS}"
    r"|[\s,]+(?:and\s+)?(?:i['’]?\s?a?m|we['’]?\s?a?re)\s+(?:\w+\s+){0,2}[0-9]{1,3}\s?\\?%\s+(?:sure|certain|confident)"
    rf"\b[^.!?\n]{{0,30}}{_ENDS}"
    rf"|,\s+[0-9]+\s+of\s+(?:which|whom|them)\s(?:(?!\b{_CONCLUDES}\b)[^.!?\n]){{1,60}}{_ENDS}"
    rf"|\s+(?:on|in|at|for|by)\s+(?:the|her|his|their|its|my)\s+[0-9]{{1,3}}(?:st|nd|rd|th)\s+[a-z]+{_ENDS}"
    rf"|,\s+(?:(?:which|that)\s+is\s+)?\$?[0-9][0-9,.]*%?\s+(?:[a-z]+\s+){{0,2}}{_COMPARED}\s+than\s[^.!?\n]{{1,60}}{_ENDS}"
    rf"|,\s+(?:(?:which\s+is\s+)?enough\s+(?:for|to)|with|having)\s(?:(?!\b{_CONCLUDES}\b)[^.!?\n]){{1,60}}{_ENDS}"
    rf"|\s+(?:for|in|of)\s+(?:part|question|problem|step|case)\s+\(?[0-9]{{1,2}}\)?{_ENDS}"
    rf"|,\s+{_NUMBER}\s+[a-z]+\s+(?:per|an?|each|(?:for|to)\s+(?:an?|each|every))\s+[a-z]+{_ENDS}"
    rf"|,\s+{_NUMBER}(?:\s+[a-z]+)?\s+(?:in|for|on|to)\s+each\b[^.!?\n]{{0,40}}{_ENDS}"
    rf"|,\s+(?:which\s+is\s+)?an?\s+[0-9][0-9.]*\s?\\?%\s+[a-z]+{_ENDS}"
    rf"|\s+in\s+{_THE}[a-z]+\s+of\s+[0-9]+{_ENDS}"
    rf"|\s+(?:in|on|across|among|inside|throughout)\s+(?:all(?:\s+of)?(?:\s+(?:{_THOSE}))?|{_THOSE})"
    rf"\s+{_NUMBER}(?:\s+[a-z]+){{1,3}}{_ENDS}"
    rf"|\s+(?:is|are|was|were|be)\s+(?:needed|required|necessary|enough|sufficient)\s+for\s+"
    rf"(?:(?:all|{_THOSE})\s+){{0,2}}{_NUMBER}(?:\s+[a-z]+){{1,4}}{_ENDS}"
)
"""When, where, how surely, how many of them, how much more than another, with what, and what for."""
_PRICED = re.compile(
    r"(?i)(?<=[0-9])(?:\s(?:dollars|in\stotal|in\sall|altogether|total)){0,2}\s+"
    r"(?:for|(?:from|by|on)\s+(?:(?:the\s+)?(?:sale|purchase)\s+of|selling|buying))\s+"
    rf"(?:(?:the|those|these|all|his|her|their|of)\s+){{0,3}}{_NUMBER}(?:\s+[a-z]+){{1,5}}{_ENDS}"
)
"""What a sum of money at the end of a sentence buys."""
_RATE = re.compile(
    rf"(?i)\s+at\s+(?:(?:only|just|(?P<rate>an?\s+(?:rate|speed|pace)\s+of)|a\s+(?:price|cost)\s+of)\s+)?{_DIGITS}"
    r"(?:\s+(?!per\b|an?\b|each\b)[a-z]+)?"
    rf"(?:\s+(?:each|apiece|a\s+piece|an?\s+[a-z]+|per\s+[a-z]+)|/[a-z]+|(?<=mph)){_ENDS}"
)
"""The price, wage or speed behind a quantity: `she earned $120 at $15 an hour`, `17 miles at 60 mph`."""
_CLAUSE = re.compile(
    r"(?i)[\s,]+(?:when|once|if|unless|where|because|since|given\s+that|provided\s+that|assuming"
    r"|(?:after|before|while|without|by|for)\s+[a-z]+ing"
    r"|which\s+(?:matches|agrees|fits|confirms|checks)|(?:which\s+)?satisf(?:ies|y|ying)"
    r"|which\s+(?:is|was)\s+(?:\S+\s+){0,2}?(?:times|twice|half|double|more|less|fewer|older|younger|taller|longer"
    r"|larger|greater|higher|lower|as\s+(?:many|much)))\s"
    rf"(?:(?!\b{_CONCLUDES}\b)(?:[^,.;:!?\n]|[.,:](?=[0-9]))){{1,100}}{_ENDS}"
)
"""A condition or a reason at the end of a sentence, from which nothing is concluded."""
_BEFORE_OR_AFTER = re.compile(rf"(?i)[\s,]+(?:after|before)\s+{_THE}{_DIGITS}(?:\s+(?!{_VERB}\b)[a-z]+){{0,4}}{_ENDS}")
"""What happened before or after: `the price is $60 after a 25% discount`."""
_AGAINST = re.compile(
    r"(?i),?\s+\(?(?:(?:up|down)\s+from|instead\s+of|rather\s+than|as\s+opposed\s+to|compared\s+(?:to|with)|versus)\s+"
    rf"(?:[a-z]+\s+){{0,5}}{_DIGITS}(?:\s+[a-z]+){{0,4}}\)?{_ENDS}"
    rf"|(?<=[a-z])\s+than\s+the\s+{_DIGITS}(?:\s+[a-z]+){{0,4}}{_ENDS}"
)
"""What a number is set against: `$60 instead of the usual $80`, `7 more cookies than the 8 before`."""
_ASIDE = re.compile(
    r"\s\((?=[^()\n]*\b(?:was|were|had|has|have|since|because|comparedcompared|instead|rounded|previously|originally|formerly|from|out\sof|checkout\sof|check)\b"
    r"|[^()\n]*[0-9][^()\n]*\b(?:for|plus|per|each|of|with|from|and|by|times)\b[^()\n]*[0-9]"
    r"|(?:[^()\n]*?[A-Za-z]{2,}[:=]?\s\$?[0-9][0-9.,]*[,;]?){2})[^()\n]{1,76}\)"
    rf"{_ENDS}",
    re.IGNORECASE,
)
"""A remark in brackets at the end of a sentence."""
_AT_PLACE = re.compile(
    r"(?i)[\s,]+(?:(?:(?:which\s+)?is\s+)?(?:attained|achieved|reached|obtained|found|which\s+occurs|occurring)\s+)?"
    rf"(?:at|for)\s+\$?[a-z]\s*=\s*[^\s,;=]{{1,30}}(?:\s+and\s+\$?[a-z]\s*=\s*[^\s,;=]{{1,30}})?{_ENDS}"
)
"""Where a value is taken: `the minimum is -4 at x = 1`."""
_TO_REACH = re.compile(
    rf"(?i)\s+to\s+[a-z]+\s[^,.;:!?\n]{{0,60}}[0-9][^,;:!?\n]{{0,30}}?{_ENDS}|(?<=[0-9]\s)[a-z]+\s+for\s+{_NUMBER}(?:\s+[a-z]+){{1,4}}{_ENDS}"
)
_NEEDED = re.compile(r"(?i)\b(?:takes?|took|needs?|needed|requires?|required|enough)\b[^.!?\n]*[0-9]")
"""What something is needed for: `it takes 5 weeks to save $75`, `she needs 42 eggs for 3 cakes`."""
_PART_OF = re.compile(
    r"(?i)(?<=[0-9])(?:(?:\s+[a-z]+){0,2}\s+of\s+(?:the|her|his|their|its|my|our|these|those|all)"
    r"|\s+of|(?:\s+[a-z]+){0,3}\s+out\s+of(?:\s+(?:the|her|his|their|its|my|our|these|those|all))?)"
    rf"\s+\\?\$?[0-9][0-9,]*(?:\s+[a-z]+){{0,5}}{_ENDS}"
    rf"|\s+for\s+(?:the|these|those|all)\s+[0-9][0-9,]*(?:\s+[a-z]+){{1,4}}{_ENDS}"
)
"""What the counted are a part of, or are for: `48 of the 60 cows remain`, `17 chairs for the 34 guests`."""
_OF_CHANCE = re.compile(r"(?i)\b(?:probability|chances?|odds|likelihood)\b")
_SUBJECT = re.compile(
    rf"(?i)(?:(?<=^)|(?<=[.!?\n]\s)|(?<=\n))(?P<number>(?:(?:so|thus|hence|therefore),?\s+)?{_DIGITS}(?:\s+[a-z]+)?)"
    rf"\s+(?:is|are)\s+(?:the|how|what|half|twice|double|triple|an?\s(?:half|third|quarter|multiple|factor))\s(?:(?!\b(?:{_CONCLUDES[3:-1]}|is|are)\b)[^.!?=\n]){{1,80}}{_ENDS}"
)
"""What a sentence says of the number that it begins with: `8 is the sum of 5 and 3`."""
_ADDENDS = re.compile(
    rf":\s(?:[^.!?:\n]|[.,](?=[0-9])){{0,30}}[0-9](?:[^.!?:\n]|[.,](?=[0-9])){{1,100}}[0-9][^.!?:\n0-9]{{0,40}}{_ENDS}"
)
"""The parts of a sum: `8 in all: 5 from John and 3 from Mary`."""
_PLAIN_NUMBER = re.compile(r"[0-9]{1,12}(?:,[0-9]{3})*(?:\.[0-9]{1,9})?")
_IN_A_YEAR = re.compile(
    r"(?i)(?<=[0-9])(?P<counted>(?:\s(?!(?:born|later|earlier|turn\w*|year|old|died|until|and|so)\b)[a-z]+){0,5})"
    rf"\s(?:in|by)\s(?:the\s(?:year|end\sof)\s)?(?:1[5-9]|20)[0-9]{{2}}{_ENDS}"
)
"""The year in which there are so many: `there will be 300 of them in 2025`."""
_CHECK = re.compile(
    r"(?i)(?<=[.!\n)])\s*\(?(?:(?:we|i|let['’]?s|let\s+us|to|now|you)\s+(?:can\s+|will\s+|now\s+)?)?(?:double[- ]?)?"
    r"(?:check(?:ing)?|verify(?:ing)?|verification)\b(?!\s+(?:out|engine|mark))[^\n!?]{0,200}$"
)
"""A last sentence that checks the answer."""
_STEP_WITHOUT_NUMBER = re.compile(r"(?i)\n\s*(?:step\s+)?\(?[0-9]{1,2}[.):]\s+[^0-9\n]*$")
_EXPLAINED = re.compile(
    rf"(?<=[0-9])(?:\s[a-z]+){{0,2}}\s[-–—]{{1,3}}\s(?=[A-Z][a-z]+\s)[^.!?\n]{{1,100}}{_ENDS}|,\s+as\s+[A-Za-z][^.!?,\n]{{1,100}}{_ENDS}"
)
"""Why, behind a dash or `as`: `8 - John has 5 and Mary 3`."""
_CHECKING = ("check", "verif")
"""Words of which such a sentence has one."""
_LONGEST = 120
"""Characters of such a phrase, at most."""
_MOST = 4
"""Phrases of this kind that one sentence may end with."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")


def without_circumstance(text: str) -> str:
    """The text without the circumstances that its last sentence ends with, where another number stands before them.

    Args:
        text: running text.
    """
    text = text.rstrip()
    low = text[-2 * _LONGEST :].lower()
    if any(word in low for word in _CHECKING) and (check := _CHECK.search(text, max(0, len(text) - 2 * _LONGEST))):
        before = text[: check.start()]
        text = before.rstrip() if re.search("[0-9]", before[-400:]) else text
    while (step := _STEP_WITHOUT_NUMBER.search(text, max(0, len(text) - 2 * _LONGEST))) and step.start():
        text = text[: step.start()].rstrip()
    for _ in range(_MOST):
        shorter = _without_last(text)
        if shorter == text:
            break
        text = shorter
    return text


def _without_last(text: str) -> str:
    """The text without the last circumstance of its last sentence, where another number stands before it."""
    at = max(0, len(text) - _LONGEST)
    if year := _IN_A_YEAR.search(text, at):
        return text[: year.end("counted")]
    low = text[at:].lower()
    if ("is" in low or "are" in low) and (subject := _SUBJECT.search(text, at)):
        return text[: subject.end("number")]
    for words, find in _KINDS:
        found = find(text, at) if any(word in low for word in words) else None
        if found and re.search("[0-9]", _sentence_before(text, found.start())):
            return text[: found.start()]
    return text


def _sentence_before(text: str, end: int) -> str:
    """What stands before an index in the sentence that it is in."""
    before = text[max(0, end - 1_000) : end]
    ends = [match.end() for match in _SENTENCE_END.finditer(before)]
    return before[ends[-1] if ends else 0 :]


def _bought(text: str, at: int) -> re.Match[str] | None:
    """What money buys at the end of a text, looked for from an index on."""
    found = _PRICED.search(text, at)
    if found is None:
        return None
    price = text[max(0, found.start() - 20) : found.start()].rpartition(" ")[2]
    return found if "$" in price or "dollars" in found[0] else None


def _rate(text: str, at: int) -> re.Match[str] | None:
    """The price, wage or speed at the end of a text, looked for from an index on; a price only behind money."""
    found = _RATE.search(text, at)
    if found is None or not re.search(r"\$|dollars|each|apiece", found[0]):
        return found
    return found if re.search(r"\$\s?[0-9]|[0-9] dollars", _sentence_before(text, found.start())) else None


def _aim(text: str, at: int) -> re.Match[str] | None:
    """What something is needed for at the end of a text, looked for from an index on."""
    found = _TO_REACH.search(text, at)
    if found is None:
        return None
    return found if _NEEDED.search(_SENTENCE_END.split(text[max(0, found.start() - 300) : found.start()])[-1]) else None


def _whole(text: str, at: int) -> re.Match[str] | None:
    """The whole of which there are so many, at the end of a text; not that of a chance (`the odds are 3 out of 8`)."""
    found = _PART_OF.search(text, at)
    return None if found is None or _OF_CHANCE.search(_sentence_before(text, found.start())) else found


def _addends(text: str, at: int) -> re.Match[str] | None:
    """The parts of the number before them, which they add up to, at the end of a text."""
    found = _ADDENDS.search(text, at)
    if found is None:
        return None
    total = [_value(match[0]) for match in _PLAIN_NUMBER.finditer(_sentence_before(text, found.start()))][-1:]
    return found if total == [sum(_value(match[0]) for match in _PLAIN_NUMBER.finditer(found[0]))] else None


def _value(written: str) -> Fraction:
    return Fraction(written.replace(",", ""))


_KINDS: tuple[tuple[tuple[str, ...], Callable[[str, int], re.Match[str] | None]], ...] = (
    (("",), _AT_END.search),
    (("for", "from", "by", "on"), _bought),
    (("at",), _rate),
    (("to", "for"), _aim),
    (("of", "for"), _whole),
    ((":",), _addends),
    (("(",), _ASIDE.search),
    (("",), _CLAUSE.search),
    (("=",), _AT_PLACE.search),
    (("after", "before"), _BEFORE_OR_AFTER.search),
    (("from", "instead", "rather", "opposed", "compared", "versus", "than"), _AGAINST.search),
    (("-", "–", "—", "as"), _EXPLAINED.search),
)
"""What finds each kind, after words one of which is in all that it finds: they are looked for first, which is quick."""
