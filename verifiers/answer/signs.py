r"""Writes signs in words as signs: `minus 5` and `5 degrees below zero` are -5, `more than 5` is `> 5` and no 5, `x is
at least 5` is `x ≥ 5`. Of `it rose from 5 to 7` the 7 is left, `no apples are left` is `0 left`,
and `the chance is 1 in 4` is 1/4.

A bare `at least 5` stays, since it is how people state the least number that there must be; so does a difference
(`3 more than 5`), which is no comparison.
"""

from __future__ import annotations

import re

_STRICT = {"more": ">", "greater": ">", "larger": ">", "bigger": ">", "higher": ">"}
_NUMBER = r"(?=\$?\s?[-−+]?\$?[\\0-9.√π])"
_STRICTLY = re.compile(
    r"(?i)(?P<before>[\w$%)}]+[\s,]+|^)(?:(?:is|are|be|was|were)\s+)?(?:strictly\s+)?"
    r"(?P<word>more|greater|larger|bigger|higher|less|fewer|smaller|lower)\s+than\s+" + _NUMBER
)
_NO_COMPARISON = re.compile(r"(?i)(?:[0-9)}$%]|\b(?:no|not|n't|times|twice|half|percent|never|much|or))[\s,]*$")
_BOUND = re.compile(
    r"(?P<name>(?<![\w$\\'’])\$?[A-Za-z]\$?)\s+(?:is|are|must\s+be|has\s+to\s+be|should\s+be|can\s+be)\s+"
    r"(?:(?P<least>at\s+least|no\s+less\s+than|not\s+less\s+than|greater\s+than\s+or\s+equal\s+to)"
    r"|(?P<most>at\s+most|no\s+more\s+than|not\s+more\s+than|no\s+greater\s+than|less\s+than\s+or\s+equal\s+to)"
    r"|(?P<above>(?:strictly\s+)?(?:more|greater|larger|bigger)\s+than)"
    r"|(?P<below>(?:strictly\s+)?(?:less|smaller|fewer)\s+than))\s+" + _NUMBER
)
_NEGATIVE = re.compile(
    r"(?i)(?P<before>^\s*|[=:(,]\s*|\b(?:is|are|was|were|be|equals|of|get|gets|gives|becomes|answer)\s+)"
    r"(?:minus|negative)\s+(?=\$?[0-9])"
)
_BELOW_ZERO = re.compile(
    r"(?i)(?<![\w.-])(?P<number>[0-9]{1,4}(?:\.[0-9]{1,4})?)(?P<unit>\s*°\s?[CF]?|\s+degrees?(?:\s+(?:celsius|fahrenheit))?)?"
    r"\s+below\s+zero\b"
)
_CHANGED = re.compile(
    r"(?i)(?P<before>\b(?:went|gone|go(?:es)?|rose|risen|rises?|f[ea]ll(?:s|en)?|gr[eo]w(?:s|n)?|(?:in|de)creas\w+|drop\w*"
    r"|reduc\w+|climb\w*|chang\w+|improv\w+|jump\w*|declin\w+|shr[aiu]nk)\b[^.!?\n]{0,40}?,?)\s+"
    r"from\s+\$?[0-9][0-9,.]*%?(?:\s+[a-z]+)?\s+(?=to\s+\$?[0-9])"
)
"""What a change began with."""
_CHANCE = re.compile(
    r"(?i)(?P<before>\b(?:probability|chances?|odds|likelihood)\b[^.!?\n]{0,60}?\b)"
    r"(?P<some>[0-9]{1,6})\s+(?:in|out\s+of)\s+(?P<all>[0-9]{1,6})\b"
)
_NONE_LEFT = re.compile(
    r"(?i)\b(?:none(?:\s+of\s+(?:them|it|the\s+[a-z]+))?|nothing|no(?:\s+(?!more\b|longer\b|one\b)[a-z]+){1,2})\s+"
    r"(?:(?:is|are|was|were|will\s+be)\s+)?(?:left(?:\s+over)?|remain(?:s|ing|ed)?)\b"
)
_SIGNS = {"least": "≥", "most": "≤", "above": ">", "below": "<"}

_EITHER = re.compile(r"(?i)\beither\s+(?=[-$\\0-9])")
_ARROW = re.compile(r"(?<![\w<=>-])(?:=+>|-+>|→|⇒)\s*(?=[-+$\\]?\s?[0-9.\\])")


def without_arrows(text: str) -> str:
    """The text with a word for each arrow before a number, such as `=> 5`: it is no sign of the number's."""
    return _ARROW.sub("so ", text) if ">" in text or not text.isascii() else text


def with_signs(text: str) -> str:
    """The text with its signs and comparisons in words written as signs, and of each change only what it led to.

    Args:
        text: running text, perhaps with formulas.
    """
    text = without_arrows(text)
    low = text.lower()
    if "either" in low:
        text = _EITHER.sub("", text)
    if "minus" in low or "negative" in low:
        text = _NEGATIVE.sub(r"\g<before>-", text)
    if "below zero" in low:
        text = _BELOW_ZERO.sub(r"-\g<number>\g<unit>", text)
    if any(word in low for word in ("probability", "chance", "odds", "likelihood")):
        text = _CHANCE.sub(r"\g<before>\g<some>/\g<all>", text)
    if "left" in low or "remain" in low:
        text = _NONE_LEFT.sub("0 left", text)
    if "from" in low:
        text = _CHANGED.sub(r"\g<before> ", text)
    if "than" not in text and "at least" not in text and "at most" not in text:
        return text
    return _STRICTLY.sub(_compared, _BOUND.sub(_bounded, text))


def _bounded(match: re.Match[str]) -> str:
    sign = next(_SIGNS[kind] for kind in _SIGNS if match[kind])
    return f"{match['name'].strip('$')} {sign} "


def _compared(match: re.Match[str]) -> str:
    if _NO_COMPARISON.search(match["before"]):
        return match[0]
    return f"{match['before']}{_STRICT.get(match['word'].lower(), '<')} "
