r"""Writes comparisons in words as relation signs: `more than 5` is `> 5` and no 5, `x is at least 5` is `x ≥ 5`.

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
_SIGNS = {"least": "≥", "most": "≤", "above": ">", "below": "<"}

_ARROW = re.compile(r"(?<![\w<=>-])(?:=+>|-+>)\s*(?=[-+$\\]?\s?[0-9.\\])")


def without_arrows(text: str) -> str:
    """The text with a word for each arrow before a number, such as `=> 5`: it is no sign of the number's."""
    return _ARROW.sub("so ", text) if ">" in text else text


def with_signs(text: str) -> str:
    """The text with its comparisons with numbers written as signs.

    Args:
        text: running text, perhaps with formulas.
    """
    text = without_arrows(text)
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
