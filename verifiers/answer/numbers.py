r"""Numbers as answers write them: exact values, with the percent sign, unit and precision they came with.

`1,234.5`, `1 000`, `.4`, `0,111` and `1000,99` (decimal commas: where they cannot separate thousands), `3/4`,
`\frac34`, `2\frac12`, `2 1/2`, `1.5e3`, `2 \times 10^{-3}`, `28\%`, `28 percent`, `$5.20`, `15 \text{ cm}^2`,
`1.8 billion`. A value is a Fraction; no float is involved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from verifiers.answer.latex import CURRENCY
from verifiers.answer.units import KNOWN_WORDS, MULTIPLIERS, NOT_UNITS, UNITS, singular

MAX_DIGITS = 1000
"""A number written with more digits, or a larger power of ten, is left to the slow path."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number.

    Attributes:
        value: its exact value; `28%` has 28/100, `1.8 billion` has 1,800,000,000.
        places: digits after the decimal point where it is written as a decimal, else None.
        digits: its significant digits.
        percent: whether it has a percent sign.
        unit: the words of its unit in the singular and the unit's power, or None.
    """

    value: Fraction
    places: int | None = None
    digits: int = 0
    percent: bool = False
    unit: tuple[str, ...] | None = None


_DECIMAL = (
    r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9])(?:\.[0-9]+)?"
    r"|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
)
_PLAIN = re.compile(rf"\s*([-+]?)\s*({_DECIMAL})\s*")
_COMMA = re.compile(r"\s*([-+]?)\s*(0|[0-9]{4,}),([0-9]+)\s*")
_SCIENTIFIC = re.compile(
    rf"\s*([-+]?)\s*(?:({_DECIMAL})\s*(?:[eE]\s*([-+]?[0-9]+)"
    r"|(?:\\times|\\cdot|\*|x)\s*10\s*(?:\^|\*\*)\s*(?:\{\s*([-+]?[0-9]+)\s*\}|\(\s*([-+]?[0-9]+)\s*\)|([-+]?[0-9]+)))"
    r"|10\s*\^\s*(?:\{\s*([-+]?[0-9]+)\s*\}|([0-9]+)))\s*"
)
_BRACED = rf"\{{\s*([-+]?)\s*({_DECIMAL})\s*\}}"
_FRACTION = re.compile(rf"\s*([-+]?)\s*\\frac\s*(?:{_BRACED}|([0-9]))\s*(?:{_BRACED}|([0-9]))\s*")
_SLASH = re.compile(rf"\s*([-+]?)\s*\(?\s*([-+]?)\s*({_DECIMAL})\s*\)?\s*/\s*\(?\s*([-+]?)\s*({_DECIMAL})\s*\)?\s*")
_MIXED = re.compile(
    r"\s*([-+]?)\s*([0-9]{1,6})\s*(?:\\frac\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))"
    r"|[\s-]([0-9]{1,6})\s*/\s*([0-9]{1,6}))\s*"
)
_UNIT_TEXT = re.compile(
    r"(?P<core>.*?[0-9A-Za-z)}\]|!])\s*(?:/\s*)?\\text\{(?P<words>[^{}]*)\}\s*(?:\^\s*\{?\s*(?P<power>-?[0-9])\s*\}?)?"
)
_UNIT_WORDS = re.compile(
    r"(?P<core>.*[0-9)}])(?P<gap>\s*)(?P<words>[A-Za-z][A-Za-z./ ]*?)\s*(?:\^\s*\{?(?P<power>[0-9])\}?)?"
)
_PERCENT = re.compile(r"(.*[0-9)}.])\s*(?:%|\\text\{\s*%\s*\}|(?:\\text\{\s*)?(?:percent|percentage|pct)\b\s*\}?)")
_REPEATING = re.compile(r"\s*([-+]?)\s*([0-9]{0,20})\.([0-9]{0,20})\\overline\s*\{?\s*([0-9]{1,20})\s*\}?\s*")
_SIGNS = {CURRENCY: "dollar", "€": "euro", "£": "gbp", "¥": "yen", "₹": "rupee"}


def parse_number(text: str) -> Number | None:
    """A number from cleaned text (`verifiers.answer.latex.clean`), or None where it is something else."""
    text = text.strip()
    if not text or len(text) > MAX_DIGITS:
        return None
    number = _bare(text)
    if number is not None:
        return number
    currency = None
    for sign, name in _SIGNS.items():
        if sign in text:
            before, _, after = text.partition(sign)
            if (before.strip(" +-") and after.strip()) or sign in after:
                return None
            text, currency = before + after, name
    if match := _PERCENT.fullmatch(text):
        number = _bare(match[1])
        return number and replace(number, value=number.value / 100, percent=True)
    core, unit = split_unit(text)
    if unit is None:
        number = _bare(core)
        return number and (replace(number, unit=(currency,)) if currency else number)
    number = _bare(core)
    if number is None:
        return None
    words = list(unit[:-1])
    value = number.value
    while words and words[0] in MULTIPLIERS:
        value *= MULTIPLIERS[words.pop(0)]
    scaled = replace(number, value=value, places=number.places if value == number.value else None)
    if not words and unit[-1] == "1":
        return replace(scaled, unit=(currency, "1")) if currency else scaled
    if currency and words[:1] != ["per"]:
        words.insert(0, currency) if currency not in words else None
    return replace(scaled, unit=(*words, unit[-1]))


def split_unit(text: str) -> tuple[str, tuple[str, ...] | None]:
    """The text without the unit that it ends with, and the unit: its words in the singular, then its power.

    A single letter is a unit only inside `\\text{}`: elsewhere it is a variable.
    """
    if "\\text{" in text:
        match = _UNIT_TEXT.fullmatch(text)
        gap = " "
    else:
        match = _UNIT_WORDS.fullmatch(text)
        gap = match["gap"] if match else ""
    if not match:
        return text, None
    words = [singular(word) for word in re.split(r"[\s/]+", match["words"].replace("-", " ")) if word.strip(".")]
    if not words:
        return match["core"], None
    if any(word in NOT_UNITS or not re.fullmatch(r"[a-z.]+", word) for word in words):
        return text, None
    if "\\text{" not in text and not (gap and len(words) == 2 and "/" in match["words"] and set(words) <= UNITS.keys()):
        known = all(word in KNOWN_WORDS for word in words)
        if not known and (not gap or min(map(len, words)) < 2 or not re.search(r"[0-9][)}]*$", match["core"])):
            return text, None
    core = match["core"]
    if "\\text{" in core and not core.startswith("\\text{"):
        inner, more = split_unit(core)
        if more:
            return inner, (*more[:-1], *words, match["power"] or more[-1])
    return core, (*words, match["power"] or "1")


def same_number(gold: Number, answer: Number, *, digits: int, percent: str) -> bool:
    """Whether two numbers are equal, by value.

    Args:
        gold: the reference.
        answer: the answer.
        digits: significant digits that a rounded decimal needs to stand for a value that no decimal writes exactly:
            2.6667 stands for 8/3 at 5 digits. Two decimals are equal only exactly, or where the shorter one has six
            places and rounds the longer.
        percent: `value`: 28% is 0.28 and not 28. `optional`: where one of the two has a percent sign, it may also be
            left out.
    """
    factor = unit_factor(answer.unit, gold.unit)
    if factor is None:
        return False
    left, right = gold.value, answer.value * factor
    if left == right:
        return True
    if factor == 1 and not gold.percent and not answer.percent:
        if gold.places is not None and answer.places is not None:
            if gold.places < answer.places:
                return gold.places >= 6 and rounds(left, right, gold.places)
            return answer.places >= 6 and rounds(right, left, answer.places)
        if stands_for(answer, left, digits) or stands_for(gold, right, digits):
            return True
    if percent == "optional" and gold.percent != answer.percent:
        return (left * 100 if gold.percent else left) == (right * 100 if answer.percent else right)
    return False


def stands_for(decimal: Number, value: Fraction, digits: int) -> bool:
    """Whether a decimal of so many significant digits is the rounded form of a value that no decimal writes exactly."""
    if not decimal.places or decimal.digits < digits or _terminates(value):
        return False
    return rounds(decimal.value, value, decimal.places)


def rounds(short: Fraction, value: Fraction, places: int) -> bool:
    """Whether `short`, a decimal of that many places, is `value` rounded."""
    return abs(short - value) * 2 * 10**places <= 1


def unit_factor(unit: tuple[str, ...] | None, wanted: tuple[str, ...] | None) -> Fraction | None:
    """What a value in `unit` is multiplied by to be in `wanted`; 1 where one of them is not given; None: no unit fits.

    Words that are no known unit must be among the other's: `12 more days` is `12 days`, 5 apples are not 5 oranges.
    """
    if unit is None or wanted is None or unit == wanted:
        return Fraction(1)
    left, right = [word for word in unit if word.isalpha()], [word for word in wanted if word.isalpha()]
    powers = [next((int(part) for part in words if part.lstrip("-").isdigit()), 1) for words in (unit, wanted)]
    for words, index in ((left, 0), (right, 1)):
        for name, power in (("square", 2), ("sq", 2), ("cubic", 3), ("cu", 3)):
            if name in words:
                words.remove(name)
                powers[index] = power
    if "unit" in left or "unit" in right or not left or not right:
        return Fraction(1)
    measures = [{word for word in words if word in UNITS} for words in (left, right)]
    if set(left) <= set(right) or set(right) <= set(left):
        return Fraction(1) if powers[0] == powers[1] and (measures[0] == measures[1] or not all(measures)) else None
    if len(left) == len(right) == 1 and powers[0] == powers[1]:
        (kind, worth), (wanted_kind, wanted_worth) = UNITS.get(left[0], ("", "1")), UNITS.get(right[0], (" ", "1"))
        if kind == wanted_kind:
            return (Fraction(worth) / Fraction(wanted_worth)) ** powers[0]
    return None


def _terminates(value: Fraction) -> bool:
    """Whether a decimal writes the value exactly: its denominator has only the factors 2 and 5."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def _bare(text: str) -> Number | None:
    """A number without percent sign, currency or unit."""
    if match := _PLAIN.fullmatch(text):
        return _decimal(match[1], match[2])
    if match := _COMMA.fullmatch(text):
        return _decimal(match[1], f"{match[2]}.{match[3]}")
    if not any(mark in text for mark in "/\\eE*x^"):
        return None
    if "overline" in text and (match := _REPEATING.fullmatch(text)):
        sign, whole, part, repeated = match.groups()
        value = Fraction(int((whole or "0") + part)) + Fraction(int(repeated), 10 ** len(repeated) - 1)
        value /= 10 ** len(part)
        return Number(-value if sign == "-" else value)
    if match := _MIXED.fullmatch(text):
        whole, *parts = (int(group) for group in match.groups()[1:] if group is not None)
        if parts[1] == 0:
            return None
        value = whole + Fraction(parts[0], parts[1])
        return Number(-value if match[1] == "-" else value)
    if match := _FRACTION.fullmatch(text):
        sign, top_sign, top, top_digit, bottom_sign, bottom, bottom_digit = match.groups()
        return _quotient((sign, top_sign, bottom_sign), top or top_digit, bottom or bottom_digit)
    if match := _SLASH.fullmatch(text):
        if text.count("(") != text.count(")"):
            return None
        sign, top_sign, top, bottom_sign, bottom = match.groups()
        return _quotient((sign, top_sign, bottom_sign), top, bottom)
    if match := _SCIENTIFIC.fullmatch(text):
        sign, mantissa, *exponents = match.groups()
        exponent = int(next(group for group in exponents if group is not None))
        if abs(exponent) > MAX_DIGITS:
            return None
        number = _decimal(sign, mantissa or "1")
        return Number(number.value * Fraction(10) ** exponent, None, number.digits)
    return None


def _decimal(sign: str, text: str) -> Number:
    whole, point, part = text.replace(",", "").replace(" ", "").partition(".")
    value = Fraction(int(whole + part or "0"), 10 ** len(part)) if part else Fraction(int(whole or "0"))
    digits = len((whole + part).lstrip("0")) if point and part else 0
    return Number(-value if sign == "-" else value, len(part) if part else None, digits)


def _quotient(signs: tuple[str | None, ...], top: str, bottom: str) -> Number | None:
    divisor = _decimal("", bottom).value
    if not divisor:
        return None
    value = _decimal("", top).value / divisor
    return Number(-value if signs.count("-") % 2 else value)
