r"""Picks a mathematical answer out of a completion: which formula or number of a stated answer, or else the last one.

Where answers stand, and in which order they count, says `verifiers.answer.reader`; here a span is narrowed to the formula
or number in it. Without a stated answer, and not in strict mode, it is the whole text where that is nothing but an
answer, else the last formula, bracketed number or number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.completion import SEEN, answering_part
from verifiers.answer.latex import GARBAGE, readable
from verifiers.answer.reader import spans
from verifiers.answer.units import KNOWN_WORDS, PHRASES

__all__ = ["SEEN", "Found", "extract", "extract_gold", "is_bare"]


class Found(NamedTuple):
    """An answer's text, the rule that found it (`verifiers.answer.reader`), and why it is no answer, if so."""

    answer: str
    rule: str
    fault: str = ""


_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\\\[(?P<b>(?:[^\\]|\\(?!\]))+)\\\]|\\\((?P<c>(?:[^\\]|\\(?!\)))+)\\\)"
    r"|(?<!\\)\$(?P<d>(?:\\\$|[^$\n])+)(?<!\\)\$"
)
_BRACKETED = re.compile(r"(?<![\w\\])\[\s*([^\[\]\n]{1,200})\s*\](?!\()")
_NUMBER = re.compile(
    r"(?<![\w.,^{/\\" + GARBAGE + r"])(?<![\w)\]]-)"
    r"(?P<value>[-+−]?[ ]?[$€£¥₹]?[ ]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]+)?(?:[ ]?/[ ]?[0-9]+(?:\.[0-9]+)?(?!\w|\.[0-9]))?)(?![ ]?/[ ]?[0-9])"
    r"(?P<percent>[ ]?\\?%|[ ](?:percent|pct)\b)?(?P<unit>[A-Za-z°²³]*)(?![0-9_" + GARBAGE + r"])(?!\.[0-9])"
)
_FRACTION = re.compile(r"-?\\[dt]?frac\s*\{-?[0-9]+\}\s*\{[0-9]+\}")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_TEXT = re.compile(r"\\(?:text[a-z]*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\(?:begin|end)\{[a-z*]+\}(?:\{[lcr|]*\})?")
_NUMBER_WORDS = re.compile(r"\s*\\?[$]?\s*-?[0-9][0-9.,/]*\\?\$?(?:\s+[A-Za-z]+\.?){1,3}\s*[.!]?\s*")
_MATH = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt pi frac dfrac tfrac and or inf infty "
    "infinity cup cap in mod gcd lcm max min det percent percentage pct oo"
)
_MATH_WORDS = frozenset(_MATH.split())
_SENTENCE = re.compile(
    r"(?i)[a-z]{2,}\s+[a-z]{2,}|\b(?:is|it|so|we|the|are|of|to|an|be|no|not|all|he|she|if|at|by|on|was|has|for|its|you)\b"
)


def extract(text: str, *, strict: bool = False) -> Found | None:
    """The final answer in a completion, or None where there is none.

    Args:
        text: the completion.
        strict: only a box, a tag, `####` or an answer cue; no guessing from the last number.
    """
    for span in spans(text):
        if span.fault:
            return Found("", span.rule, span.fault)
        return Found(_narrowed(span.text, span.rule), span.rule)
    part = answering_part(text)
    if strict or not part:
        return None
    if is_bare(part):
        return Found(part.strip(), "line")
    return _last(part)


def _narrowed(text: str, rule: str) -> str:
    """The answer in a span of that rule."""
    if rule == "cue":
        return _refined(text)
    if rule == "tag" and not is_bare(text):
        found = extract(text)
        return found.answer if found else text
    return text


def extract_gold(text: str) -> str:
    """The answer in a gold text: as `extract` finds it, but never the last number of a sentence; else all of it."""
    found = extract(text, strict=True)
    if found is not None:
        return found.answer
    if not is_bare(text) and (formulas := list(_FORMULA.finditer(readable(text)))):
        return formulas[-1][0]
    return text.strip()


def is_bare(text: str) -> bool:
    """Whether a text is nothing but an answer: mathematics, a number with its unit, or one word."""
    text = text.strip()
    if not text or len(text) > 2000 or "\n\n" in text:
        return False
    rest = _TEXT.sub(" ", text) if "\\" in text else text
    unknown = [word for word in _WORD.findall(rest) if word.lower() not in _MATH_WORDS]
    if not unknown:
        return True
    if all(word.lower() in KNOWN_WORDS for word in unknown) and re.search("[0-9}]", rest):
        return True
    if len(unknown) == 1 and re.fullmatch(r"[\s$*.\"'(]*[A-Za-z][A-Za-z-]*[\s$*.\"')]*", rest):
        return True
    if text.strip(" .$").lower() in PHRASES:
        return True
    if max(map(len, unknown)) <= 3 and re.search(r"[\\^+*/=]", text) and not _SENTENCE.search(rest):
        return True  # products of variables
    return bool(_NUMBER_WORDS.fullmatch(text))


def _refined(segment: str) -> str:
    """The answer in a short piece of text that holds it: all of it, what it begins with, or what it ends with."""
    segment = segment.strip().strip("*_").rstrip("*_.! ")
    if is_bare(segment):
        return segment
    if match := _FORMULA.match(segment) or _FRACTION.match(segment):
        return match[0]
    if (match := _NUMBER.match(segment)) and _is_number(match):
        return _number_text(match)
    last = _last(segment)
    return last.answer if last else segment


def _last(text: str) -> Found | None:
    """The formula, bracketed answer or number that ends last in a text."""
    found: tuple[int, Found] | None = None
    for match in _FORMULA.finditer(text):
        content = next(group for group in match.groups() if group is not None)
        if content.strip() and re.search("[0-9A-Za-z]", content):
            found = match.end(), Found(match[0] + _percent_after(text, match.end()), "last")
    for match in _BRACKETED.finditer(text):
        if is_bare(match[1]) and re.search("[0-9]", match[1]) and (found is None or match.end() > found[0]):
            found = match.end(), Found(match[1] if "," not in match[1] else match[0], "last")
    for match in _FRACTION.finditer(text):
        if found is None or match.end() > found[0]:
            found = match.end(), Found(match[0], "last")
    for match in _NUMBER.finditer(text):
        if (found is None or match.end() > found[0]) and _is_number(match):
            found = match.end(), Found(_number_text(match), "last")
    return found[1] if found else None


def _is_number(match: re.Match[str]) -> bool:
    unit = match["unit"]
    return not unit or unit.rstrip("²³").lower() in KNOWN_WORDS or unit[-1] in "²³°"


def _number_text(match: re.Match[str]) -> str:
    return match["value"] + (match["percent"] or "")


def _percent_after(text: str, end: int) -> str:
    match = re.compile(r"\s*(?:\\?%|percent\b|pct\b)").match(text, end)
    return match[0] if match else ""
