r"""Takes the unit off the end of an answer: `15 \text{ cm}^2`, `9.8\,\mathrm{m\,s^{-2}}`, `60 km/h`, `5 apples`."""

from __future__ import annotations

import re

from verifiers.answer.units import KNOWN_WORDS, NOT_UNITS, UNITS, singular

_UNIT_TEXT = re.compile(
    r"(?P<core>.*?[0-9A-Za-z)}\]|!])\s*(?:/\s*)?\\text\{(?P<words>[^{}]*)\}\s*(?:\^\s*\{?\s*(?P<power>-?[0-9])\s*\}?)?"
)
_QUOTIENT = re.compile(
    r"\\frac\s*\{\s*\\text\{([^{}]*)\}\s*\}\s*\{\s*\\text\{([^{}]*)\}\s*(\^\s*\{?\s*[0-9]\s*\}?)?\s*\}"
)
_INNER_POWER = re.compile(r"\\text\{([^{}^]*)\^\s*(?:\{\s*)?([0-9])(?:\s*\})?\s*\}")
_PRODUCT = re.compile(r"\\text\{([^{}]*)\}\s*(?:\\cdot|\\times|\*)\s*\\text\{")
"""Units as a fraction, with their power inside of the text, or joined by a sign."""
_NEGATIVE = r"\s*\^\s*(?:\{\s*)?-\s*([1-3])(?:\s*\})?"
_INVERSE = re.compile(
    rf"\\text\{{\s*([A-Za-z]{{1,8}})\s*\}}\s*(?:\\cdot\s*)?\\text\{{\s*([A-Za-z]{{1,8}})\s*\}}{_NEGATIVE}"
    rf"|\\text\{{\s*([A-Za-z]{{1,8}})\s*(?:\\cdot|\s)\s*([A-Za-z]{{1,8}}){_NEGATIVE}\s*\}}"
    rf"|(?<=[0-9])\s+([A-Za-z]{{1,8}})\s*(?:\\cdot|\s)\s*([A-Za-z]{{1,8}}){_NEGATIVE}(?=\s*$)"
)
_UNIT_WORDS = re.compile(
    r"(?P<core>.*(?:[0-9)}!]|\\pi))(?P<gap>\s*)(?P<words>[A-Za-z][A-Za-z./ ]*?)\s*(?:\^\s*\{?(?P<power>[0-9])\}?)?"
)


def split_unit(text: str) -> tuple[str, tuple[str, ...] | None]:
    """The text without the unit that it ends with, and the unit: its words in the singular, then its power.

    A single letter is a unit only inside `\\text{}`: elsewhere it is a variable.
    """
    if "^" in text and "-" in text:
        text = _INVERSE.sub(_per, text)
    if "\\text{" in text:
        text = _QUOTIENT.sub(r"\\text{ \1/\2}\3", text)
        text = _PRODUCT.sub(r"\\text{\1 ", _INNER_POWER.sub(r"\\text{\1}^\2", text))
        match = _UNIT_TEXT.fullmatch(text)
        gap = " "
    else:
        match = _UNIT_WORDS.fullmatch(text)
        gap = match["gap"] if match else ""
    if not match:
        return text, None
    words = [singular(word) for word in re.split(r"[\s/]+", match["words"].replace("-", " ")) if word.strip(".")]
    if "per" in words[1:-1]:
        words.remove("per")
    if not words:
        return match["core"], None
    if any(word in NOT_UNITS or not re.fullmatch(r"[a-z.]+", word) for word in words):
        return text, None
    if "\\text{" not in text and not (gap and len(words) == 2 and "/" in match["words"] and set(words) <= UNITS.keys()):
        known = all(word in KNOWN_WORDS for word in words)
        if not known and (not gap or min(map(len, words)) < 2 or not re.search(r"[0-9][)}!]*$", match["core"])):
            return text, None
    core = match["core"]
    if "\\text{" in core and not core.startswith("\\text{"):
        inner, more = split_unit(core)
        if more:
            return inner, (*more[:-1], *words, match["power"] or more[-1])
    return core, (*words, match["power"] or "1")


def _per(match: re.Match[str]) -> str:
    """A unit with a negative power as a quotient: `km h^{-1}` becomes `km/h`."""
    first, second, power = (match[index] or match[index + 3] or match[index + 6] for index in (1, 2, 3))
    return f"\\text{{ {first}/{second}}}" + (f"^{power}" if power != "1" else "")
