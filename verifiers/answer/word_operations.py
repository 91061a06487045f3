r"""Writes a stated answer that is an operation in words as a formula: `twice 9` is `2 \times 9`.

So a number that the answer is merely made from is not taken for the answer: `the square root of 18` is not 18, and
neither is `a multiple of 18` or `above 18`. Only a text that is nothing else is rewritten, since in `half of 36, that
is 18` the last number is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_NUMBER = r"\$?[0-9](?:[0-9]|[,.](?=[0-9]))*"
_TIMES = {"twice": 2, "double": 2, "thrice": 3, "triple": 3, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_SHARES = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_MANY = {"": 1, "a": 1, "one": 1, "two": 2, "three": 3}
_MADE: dict[str, Callable[[str], str]] = {
    "square root": lambda number: rf"\sqrt{{{number}}}",
    "cube root": lambda number: rf"\sqrt[3]{{{number}}}",
    "square": lambda number: f"{number}^2",
    "cube": lambda number: f"{number}^3",
    "reciprocal": lambda number: f"1/{number}",
    "negative": lambda number: f"-{number}",
    "opposite": lambda number: f"-{number}",
    "multiple": lambda number: f"{number}n",
    "factor": lambda number: rf"\frac{{{number}}}{{n}}",
    "divisor": lambda number: rf"\frac{{{number}}}{{n}}",
}
"""What is made of a number, and how it is written."""
_WORDS = (
    *_TIMES, *_SHARES, "root", "square", "cube", "reciprocal", "negative", "opposite", "multiple", "factor", "divisor",
    "divisible", "above", "below", "under", "beyond", "exceed", "than", "choose", "factorial",
)  # fmt: skip
"""Words of which an operation has one."""
_LONGEST = 120
"""Characters of a text that is looked at."""
_OPERATION = re.compile(
    r"[\s*_(]*(?:(?:so|thus|just|simply|exactly|equal\sto)\s+)*(?:"
    rf"(?P<times>twice|double|thrice|triple|(?:two|three|four|five|six)(?=\stimes))(?:\stimes)?\s+(?P<multiplied>{_NUMBER})"
    rf"|(?:(?P<many>a|one|two|three)[\s-])?(?P<share>{'|'.join(_SHARES)})s?\sof\s(?P<shared>{_NUMBER})"
    rf"|(?:the|a)\s(?:positive\s|whole\s)?(?P<made>{'|'.join(_MADE)})\sof\s(?P<of>{_NUMBER})"
    rf"|(?P<by>{_NUMBER})(?:\s[a-z]+)?\s(?P<more>more|greater|less|fewer)\sthan\s(?P<than>{_NUMBER})"
    rf"|(?:divisible\sby)\s(?P<divisor>{_NUMBER})"
    rf"|(?P<bound>above|below|under|beyond|exceeding)\s(?P<end>{_NUMBER})"
    rf"|(?P<factorial>{_NUMBER})\sfactorial"
    rf"|(?P<all>{_NUMBER})\schoose\s(?P<some>{_NUMBER})"
    r")(?P<unit>(?:\s(?!ago\b|before\b|earlier\b|later\b|and\b|or\b|is\b|so\b)[a-z]+){0,3})[\s.!*_)]*",
    re.IGNORECASE,
)


def with_operations(text: str) -> str:
    """A stated answer with its operation in words as a formula; as it is where it is anything else.

    Args:
        text: what a cue states.
    """
    if len(text) > _LONGEST or not any(word in text.lower() for word in _WORDS):
        return text
    match = _OPERATION.fullmatch(text)
    return _formula(match) + match["unit"] if match else text


def _formula(match: re.Match[str]) -> str:
    """The formula of a matched operation, without its unit."""
    if match["times"]:
        return rf"{_TIMES[match['times'].lower()]} \times {match['multiplied']}"
    if match["share"]:
        many = _MANY[(match["many"] or "").lower()]
        return (f"{many} \\times " if many > 1 else "") + f"{match['shared']} / {_SHARES[match['share'].lower()]}"
    if match["made"]:
        return _MADE[match["made"].lower()](match["of"])
    if match["more"]:
        return f"{match['than']} {'+' if match['more'].lower() in ('more', 'greater') else '-'} {match['by']}"
    if match["divisor"]:
        return f"{match['divisor']}n"
    if match["bound"]:
        return f"{'<' if match['bound'].lower() in ('below', 'under') else '>'} {match['end']}"
    if match["factorial"]:
        return f"({match['factorial']}!)"
    return rf"\binom{{{match['all']}}}{{{match['some']}}}"
