"""Writes every number of a text plainly, for the tokens of arithmetic: `1.234,5`, `$2.5M`, `3½`, `7th`, `3h 30min`."""

from __future__ import annotations

import re

from verifiers.answer.derivations import without_calculator
from verifiers.answer.latex import CURRENCY, GARBAGE, clean

OTHER = "§"
"""Stands for a LaTeX command that belongs to no plain number."""
_TEXT = re.compile(
    r"\\(?:text|operatorname)\s*\{([^{}]*)\}(\s*\^\s*(?:\{\s*-?[0-9]\s*\}|-?[0-9]))?(?:\s*/\s*(?=\\text))?"
)
_STOPS = re.compile(r"\\(?:implies|Rightarrow|rightarrow|to|Longrightarrow|therefore|because)(?![a-zA-Z])")
_KNOWN = re.compile(r"\\(?!(?:frac|times|cdot|div|approx)(?![a-zA-Z]))(?:[a-zA-Z]+|[{}])|√|\\(?=\s|$)")
_TWO_DIGITS = re.compile(r"\\frac\s*([0-9])\s*([0-9])(?![0-9])")
_MIXED = re.compile(r"(?<![\w.])([0-9]{1,9})\s*\\frac\s*\{\s*([0-9]{1,9})\s*\}\s*\{\s*([0-9]{1,9})\s*\}")
_AND_PART = re.compile(
    r"(?i)(?<![\w./])([0-9]{1,9})\s+and\s+(?:(?:a|one)[ -](half|third|quarter|fourth)"
    r"|([0-9]{1,4})\s?/\s?([0-9]{1,4}))\b"
)
_PART = {"half": 2, "third": 3, "quarter": 4, "fourth": 4}
_DOLLARS = re.compile(rf"(?:\bUS)?[{CURRENCY}$]\s?(?=[-+]?[0-9.(])|(?i:\bUSD)\s?(?=[-+]?[0-9.(])")
_CURRENCY = re.compile(
    r"(?:[€£¥₹]|(?i:\b(?:Rs|INR|EUR|GBP|CAD|AUD|JPY|CNY|RMB|A\$|C\$|NZ\$|HK\$)\.?))\s?(?=[-+]?[0-9.(])|(?<=[0-9])\s?[€£¥₹]"
)
_SUFFIX = re.compile(r"(?<![\w.,])([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)\s?(k|K|M|mn|mil|bn|B|T)\b(?![/^'’])")
_SUFFIXES = {"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "mil": "million"}
_SUFFIXES |= {"bn": "billion", "B": "billion", "T": "trillion"}
_EVEN_RUPEES = re.compile(r"(?<=[0-9])\s?/[-–=](?!\s?[0-9(])")
"""What ends a sum without paise in India: `Rs 450/-`."""
_OWED = re.compile(rf"(?<=[A-Za-z:=])\s[-−]\s?[{CURRENCY}$](?=[0-9.])")
"""A sum below zero: `the balance is -$8`."""
_DASH = re.compile(r"(?<=[0-9A-Za-z%)])\s[-–—]{1,3}\s(?=[A-Za-z]{2,}['’ ,](?!\()|an?\s[a-z]{2})")
"""A dash between words, which is no minus sign: `24 - six more than last year`."""
_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\b|(?<=[0-9])\s?\^\s*\{?\s*(?:st|nd|rd|th)\s*\}?")
_GROUPED = re.compile(
    r"(?<![\w.,])(?:(?P<points>[0-9]{1,3}(?:\.[0-9]{3}){1,13})(?P<a>,[0-9]{1,40})(?![0-9.,]*[0-9])"
    r"|(?P<dots>[0-9]{1,3}(?:\.[0-9]{3}){2,13})(?![0-9.,]*[0-9])"
    r"|(?P<spaces>[1-9][0-9]{0,2}(?: [0-9]{3}){1,13})(?P<b>[.,][0-9]{1,40})?(?![0-9]| ?[0-9/])"
    r"|(?P<quotes>[0-9]{1,3}(?:['_][0-9]{3}){1,13})(?P<c>\.[0-9]{1,40})?(?![0-9])"
    r"|(?P<lakh>[0-9]{1,2}(?:,[0-9]{2}){1,12},[0-9]{3})(?P<d>\.[0-9]{1,40})?(?![0-9,]*[0-9])"
    r"|(?P<comma>0|[0-9]{1,3}(?=,(?:[0-9]{1,2}|[0-9]{4,40})(?![0-9]))|[0-9]{4,40}),(?P<part>[0-9]{1,40})(?![.,]?[0-9]))"
)
_GLUED_UNIT = re.compile(
    r"(?<=[0-9])\s?(?:(?=[a-z]{2}|m\s?\^|h(?:[\s.,;!?)]|$))(mm|cm|dm|km|m|h|kg|mg|ml|ft|yd|mi|lbs?|oz|hrs?|mins?|mph|kph))\b"
    r"(\s?\^\s?\{?\s?[23]\s?\}?)?(?![A-Za-z0-9^])"
)
_RECURRING = re.compile(r"(?<![\w.])([0-9]{0,12})\.([0-9]{0,12}?)([0-9]{1,12}?)(\3+)(?:\.{3,}|…|\\ldots)")
_LETTERED_TIME = re.compile(
    r"(?<![\w.])(?P<hours>[0-9]{1,4})\s?h(?:rs?)?\.?\s?(?:and\s)?(?P<minutes>[0-9]{1,2})\s?(?:m|mins?)\b\.?(?!\s?[/^])"
    r"|(?<![\w.])(?P<h>[0-9]{1,2})h(?P<mm>[0-5][0-9])(?!\w)"
    r"|(?<![\w.])(?P<whole>[0-9]{1,4})\s?(?:m|min)\s?(?P<seconds>[0-9]{1,2})\s?(?:s|secs?)\b\.?"
)
"""`3h 30min` and `5m 20s`, whose single letters are units only beside each other."""
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-z]+\*?\}(?:\{[lcr|]*\})?")
_EMPHATIC = re.compile(r"(?<=[0-9])!{2,}(?=\s|$)")
_QUOTE = re.compile(r"(?<![0-9A-Za-z])'|'(?![0-9A-Za-z])")
_ZEROS = re.compile(r"(?<![\w.,:])0+(?=[0-9])")


def tidied(text: str) -> str:
    """A text in which every number is written plainly, for the tokens of arithmetic."""
    text = _ENVIRONMENT.sub(" ", text) if "\\begin" in text or "\\end" in text else text
    text = clean(without_calculator(text))
    text = _LETTERED_TIME.sub(_spelled_time, _RECURRING.sub(_recurring, text))
    text = _OWED.sub(" $-", _DASH.sub(", ", text))
    text = _GLUED_UNIT.sub(lambda match: f" {'square ' * bool(match[2])}{match[1]}", text)
    if "\\" in text:
        text = _STOPS.sub(" => ", _TEXT.sub(lambda m: f" {'square ' * bool(m[2])}{m[1]} ", text).replace("{,}", ","))
        text = _TWO_DIGITS.sub(r"\\frac{\1}{\2}", text)
        text = _MIXED.sub(r"(\1+\2/\3)", text)
        text = _KNOWN.sub(OTHER, text)
    text = _EMPHATIC.sub("", text)
    text = _QUOTE.sub("", text.replace(GARBAGE, OTHER))
    text = _DOLLARS.sub("$", _CURRENCY.sub("", text))
    if not text.isascii():
        text = re.sub(rf"(?<=[0-9])\s?{CURRENCY}", " dollar", text).replace("¢", " cent").replace(CURRENCY, "")
    text = _GROUPED.sub(_ungrouped, text)
    text = _SUFFIX.sub(lambda match: f"{match[1]} {_SUFFIXES[match[2]]}", text)
    text = _ORDINAL.sub("", _EVEN_RUPEES.sub("", text))
    text = _AND_PART.sub(lambda m: f"({m[1]}+1/{_PART[m[2].lower()]})" if m[2] else f"({m[1]}+{m[3]}/{m[4]})", text)
    text = re.sub(r"(?i)(?:^|(?<=\bis )|(?<== ))(?:negative|minus)\s+(?=[0-9.])", "-", text)
    return _ZEROS.sub("", re.sub(r"(?i)\bpct\b", "%", text))


def _recurring(match: re.Match[str]) -> str:
    """A recurring decimal as the fraction that it is, where three of its digits at least repeat."""
    whole, part, period, more = match.groups()
    if len(period + more) < 3:
        return match[0]
    bottom = (10 ** len(period) - 1) * 10 ** len(part)
    top = int((whole or "0") + part + period) - int((whole or "0") + part)
    return f"({top}/{bottom})"


def _spelled_time(match: re.Match[str]) -> str:
    if match["h"]:
        return f"{match['h']} hours {match['mm']} minutes "
    if match["hours"]:
        return f"{match['hours']} hours {match['minutes']} minutes "
    return f"{match['whole']} minutes {match['seconds']} seconds "


def _ungrouped(match: re.Match[str]) -> str:
    if match["comma"]:
        return f"{match['comma']}.{match['part']}"
    whole = match["points"] or match["dots"] or match["spaces"] or match["quotes"] or match["lakh"]
    part = match["a"] or match["b"] or match["c"] or match["d"] or ""
    return re.sub("[., '_]", "", whole) + part.replace(",", ".")
