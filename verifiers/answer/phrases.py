r"""Takes from an answer the words around its mathematics that do not change it.

`\text{the answer is } 12`, `about 25`, `5 \text{ (only solution)}` and `7 (seven)` are the number; `seven` and
`forty-two` are numbers in words; a condition such as `\text{for all } x` or `where k \in \mathbb{Z}` is set apart.
What does change a value (`at least 5`, `less than 3`, `not 4`, `5 \text{ if } x > 0`) is left in its place.
"""

from __future__ import annotations

import re

from verifiers.answer.latex import CURRENCY
from verifiers.answer.units import PHRASES
from verifiers.answer.words import number_in_words, with_halves

_LEAD = (
    r"(?:(?:so|thus|hence|therefore|then)\b,?\s*)?(?:(?:the|my|our|final|correct)\s+)*"
    r"(?:(?:answer|result|value|solution|total|sum)s?\s*(?:is|are|:|=)|approximately|approx\.?|about|around|roughly"
    r"|exactly|only|just|it\s+is|equals|we\s+(?:get|have)"
    r"|all(?:\s+(?:real|integers?|natural|positive|negative|whole|numbers?|values?|of))*"
    r"|every(?:\s+(?:real|integer|natural|positive|number))*|any)\s*:?\s*"
)
_SAYS = (
    r"(?:the|there|this|it|its)\s(?:(?!\b(?:not|never|least|most|less|more|fewer|than|if|no|except|neither|nor|below|above"
    r"|under|over|wrong|incorrect)\b)[A-Za-z ]){0,60}?\b(?:is|are|was|were|equals)(?:\s+(?:exactly|just|only))?\s*:?\s*"
)
"""The beginning of a sentence that says what the mathematics is: `the minimum value is`, `there are`."""
_SAID = re.compile(rf"(?i){_SAYS}")
_LEADING = re.compile(
    rf"(?i)\s*(?:\\text\{{\s*(?:{_LEAD}|{_SAYS})\}}"
    rf"|\\text\{{\s*[A-Za-z][A-Za-z ]{{0,40}}(?::\s*\}}|\}}\s*:(?!\s*\\text))|{_LEAD}|{_SAYS})"
    rf"\s*(?=[-+0-9A-Za-z\\(\[.{CURRENCY}])"
)
_EXCEPT = re.compile(
    r"(?i)\s*(?:\\text\{\s*)?(?:the\s+set\s+of\s+)?all\s+real(?:s|\s+numbers?|\s+values?)(?:\s+of)?(?:\s*\}?\s*[a-z](?:\s|\\text\{))?"
    r"\s*(?:except|but|besides|other\s+than|excluding|not\s+equal\s+to)(?:\s+for)?\s*\}?\s*(?:[a-z]\s*=\s*)?([-+0-9\\].*)"
)
_GLOSS = re.compile(
    r"(?:(?<=[0-9A-Za-z)}\]%])\s+|\s*\\text\{\s*)\(\s*(?!mod\b|base\b|not\b|in\b)"
    r"([A-Za-z][A-Za-z ,'-]{2,60})\s*\)\s*\.?\s*(?:\}\s*)?"
)
_OPENED_GLOSS = re.compile(
    r"\s*\\text\{\s*\(\s*(?:attained|achieved|reached|obtained|occur(?:s|ring)|with\sequality|equality|taken)\b"
    r"[A-Za-z ]*\}[^{}()]*\)\s*"
)
"""A remark in brackets whose words alone stand in `\\text{}`: where a value is taken."""
_LABELS = re.compile(r"(?:^|(?<=[,;]))\s*\\text\{\s*([A-Za-z][A-Za-z ]{0,40}):\s*\}(?=\s*[-+0-9\\])")
_CONDITION = re.compile(
    r"\s*,?\s*(?:\\text\{\s*,?\s*)?\b(?:for\s+(?:[a-z]\s*\\in|all|any|every|each|some|arbitrary|real|integers?|positive)|where|with|such\s+that)\b(?!\s*\})(.*)"
    r"|\s*,?\s*\\text\{\s*,?\s*(?:for\s+(?:all|any|every|each|some)|for(?=\s*\}\s*[a-z]\s*\\in)|where|with|such\s+that)\s*\}(.*)"
    r"|\s*,\s*([a-z]\s*\\in\s*\\mathbb\s*\{?\s*[A-Z]\s*\}?)\s*$",
    re.DOTALL,
)
_TRAILING = re.compile(
    r"(?i)\s*,?\s*\\text\{\s*,?\s*(?:only|in\s+total|total|in\s+all|altogether|respectively|or\s+so|approximately|exactly|is\s+the\s+(?:answer|solution|result|minimum|maximum|smallest|largest)(?:\s+[a-z]+){0,3})\s*\}\s*"
)
_THERE = re.compile(r"(?i)\s*(?:\\text\{\s*)?there\s+(?:is|are|exists?)\s+(no\b[a-z ]+?)\s*\.?\s*\}?\s*")
_LABEL = re.compile(r"\s*(?:\\text\{\s*)?\(?([A-Z])\s*(?:\)|\.|:|\\text\{\s*[.):])\s*\}?\s*[^\s.,;)}].*", re.DOTALL)
_UNWRAPPED = re.compile(r"\s*\\text\{([^{}]*)\}\s*")


def bare(text: str) -> tuple[str, str]:
    """A cleaned answer without words that do not change it, and the condition that it is under, if any."""
    if len(text) < 3 or not _has_word(text) or _unwrapped(text).lower() in PHRASES:
        return text, ""
    if match := _THERE.fullmatch(text):
        return match[1], ""
    if match := _EXCEPT.fullmatch(text):
        excepted = re.sub(r"\s*,?\s*\b(?:and|or)\b\s*", ", ", match[1].strip(" ."))
        return rf"\mathbb{{R}} \setminus \{{{excepted}\}}", ""
    if len(_LABELS.findall(text)) > 1:
        return _LABELS.sub(r"\\text{\1} = ", text), ""
    if match := _LEADING.match(text):
        text = text[match.end() :]
    if match := _CONDITION.search(text):
        condition = next(group for group in match.groups() if group is not None)
        if re.search(r"[0-9=]|\\(?!text)", text[: match.start()]):
            return _ended(text[: match.start()]), _closed(condition)
    return _ended(text), ""


def spoken(text: str) -> str:
    """A cleaned answer that is a number in words, as digits; any other text as it is."""
    text = with_halves(text)
    inner = _unwrapped(text)
    if re.search(r"[0-9\\$=+]", inner) or len(inner) > 200:
        return text
    found = number_in_words(inner) or (number_in_words(f"the {inner}") if inner.isalpha() else None)
    if found is None:
        return text
    value, words = found
    rest = inner[len(words) if inner.startswith(words) else len(inner) :].strip(" .")
    if re.search(r"[^A-Za-z ]", rest) or len(rest.split()) > 3:
        return text
    written = str(value) if value.denominator == 1 else f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
    return f"{written} {rest}".strip()


def called(text: str) -> str:
    """The words that a sentence calls something: of `the graph is a hyperbola` what stands behind `is`."""
    inner = _unwrapped(text)
    return f"\\text{{{inner[match.end() :]}}}" if (match := _SAID.match(inner)) else text


def choice_label(text: str) -> str | None:
    """The letter of an answer such as `B. 12` or `(C) \\frac12`, which gives a choice and its content."""
    match = _LABEL.fullmatch(text)
    return match[1] if match else None


def _unwrapped(text: str) -> str:
    return (match[1] if (match := _UNWRAPPED.fullmatch(text)) else text).strip(" .!")


def _closed(condition: str) -> str:
    """A condition without the brace that closed the text command it began in."""
    condition = condition.strip(" .")
    return condition[:-1].strip() if condition.count("}") > condition.count("{") and condition[-1] == "}" else condition


def _has_word(text: str) -> bool:
    return bool(re.search(r"(?<!\\)[A-Za-z]{3,}", text))


def _ended(text: str) -> str:
    """The text without a remark behind it."""
    text = _TRAILING.sub("", text)
    if (match := _OPENED_GLOSS.search(text)) and match.end() == len(text):
        text = text[: match.start()]
    if (match := _GLOSS.search(text)) and match.end() == len(text) and re.search(r"[0-9\\=]", text[: match.start()]):
        text = text[: match.start()]
    return text.strip().rstrip(",;.")
