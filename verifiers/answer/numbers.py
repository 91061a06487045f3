r"""Numbers as answers write them: exact values, with the percent sign, unit and precision they came with.

`1,234.5`, `1 000`, `1'000`, `12,34,567`, `.4`, `0,25`, `1.234,50`, `1 234,5`, `3/4`, `\frac34`, `2\frac12`, `2 1/2`,
`1.5e3`, `2 \times 10^{-3}`, `28\%`, `28 per cent`, `$5.20`, `USD 5`, `Rs. 450`, `$2.5M`, `15 \text{ cm}^2`,
`1.8 billion`, `7th`. A value is a Fraction; no float is involved. Where a comma can be read in two ways, `commas` gives
both readings; `docs/verifiers_math.md` says which of them counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from verifiers.answer.latex import CURRENCY
from verifiers.answer.unit_text import split_unit
from verifiers.answer.units import MONEY, MULTIPLIERS, SUFFIXES, UNITS, beside, singular

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
    r"(?:[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+|(?:'[0-9]{3})+|(?:_[0-9]{3})+)(?![0-9])(?:\.[0-9]+)?"
    r"|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
)
_PLAIN = re.compile(rf"\s*([-+]?)\s*({_DECIMAL})\s*")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_LAKH = re.compile(r"[-+]?[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")
_POINTS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,}|(?: [0-9]{3})+,[0-9]+)")
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")
_LISTED = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:,[-+]?[0-9]+(?:\.[0-9]+)?)+")
_LIST_FIRST = re.compile(r"[-+]?(?:0,[0-9]|[1-9][0-9]{0,2},(?:[0-9]{1,2}|[0-9]{4,}))")
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
_PERCENT = re.compile(
    r"(.*[0-9)}.])\s*(?:%|\\text\{\s*%\s*\}|(?:\\text\{\s*)?(?:percent|percentage|pct|per\s+cent)\b\.?\s*\}?)"
)
_ORDINAL = re.compile(
    r"([0-9]{1,9})\s*(?:st|nd|rd|th|\^\s*\{?\s*(?:\\text\{\s*)?(?:st|nd|rd|th)\s*\}?\s*\}?|\\text\{\s*(?:st|nd|rd|th)\s*\})"
)
_SUFFIXED = re.compile(rf"([-+]?\s*{_DECIMAL})\s?(k|K|M|mn|mil|mm|B|bn|T|tn|m|b|t)(?:\s+([A-Za-z ]+))?")
_PART = r"\s*(?:,|and\b)?\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{1,12})(?![A-Za-z])\.?"
_COMPOUND = re.compile(rf"(-?){_PART}{_PART}(?:{_PART})?(?:{_PART})?\s*")
_CLOCKED = re.compile(r"(?<![0-9A-Za-z.])([0-9]{1,2})h([0-5][0-9])(?![0-9A-Za-z])")
_REPEATING = re.compile(r"\s*([-+]?)\s*([0-9]{0,20})\.([0-9]{0,20})\\overline\s*\{?\s*([0-9]{1,20})\s*\}?\s*")
_REPEATED = re.compile(
    r"\s*([-+]?)\s*([0-9]{0,20})\.([0-9]{0,20}?)([0-9]{1,20}?)(\4+)\s*(?:\.{3,}|…|\\(?:[lc]?dots|dotsc)(?![a-zA-Z]))\s*"
)
"""A repeating decimal with dots behind its period: `0.1666...`, `0.1212\\ldots`."""
_PERIOD = re.compile(r"\s*([-+]?)\s*([0-9]{0,20})\.([0-9]{0,20})\(([0-9]{1,20})\)\s*")
"""A repeating decimal with its period in brackets: `0.1(6)`."""
_MONEY = {CURRENCY: "dollar", **{code.replace("$", CURRENCY): unit for code, unit in MONEY.items()}}
_BEFORE = re.compile(
    rf"\s*([-+]?)\s*({'|'.join(map(re.escape, sorted(_MONEY, key=len, reverse=True)))})\s*(?=[-+0-9.\\])"
)
_BEHIND = re.compile(rf"(.*[0-9}})kKMBbnmTt])\s*({'|'.join(map(re.escape, (*'€£¥₹¢', CURRENCY)))})\s*")


def parse_number(text: str) -> Number | None:
    """A number from cleaned text (`verifiers.answer.latex.clean`), or None where it is something else.

    A decimal comma is read wherever the comma cannot separate thousands.
    """
    text = text.strip()
    if not text or len(text) > MAX_DIGITS:
        return None
    number = _bare(text)
    if number is not None:
        return number
    text, currency = _without_currency(text)
    if CURRENCY in text:
        return None
    if match := _PERCENT.fullmatch(text):
        number = _bare(match[1])
        return number and replace(number, value=number.value / 100, percent=True)
    if match := _ORDINAL.fullmatch(text):
        return Number(Fraction(int(match[1])))
    if (match := _SUFFIXED.fullmatch(text)) and (currency or match[2] in ("mn", "mil", "bn", "tn")):
        return scaled(match, currency)
    core, unit = split_unit(text)
    number = _bare(core)
    if unit is None:
        return number and (replace(number, unit=(currency, "1")) if currency else number)
    if number is None:
        return None
    words = list(unit[:-1])
    value = number.value
    while words and words[0] in MULTIPLIERS:
        value *= MULTIPLIERS[words.pop(0)]
    number = replace(number, value=value, places=number.places if value == number.value else None)
    if not words and unit[-1] == "1":
        return replace(number, unit=(currency, "1")) if currency else number
    if currency and words[:1] != ["per"]:
        words.insert(0, currency) if currency not in words else None
    return replace(number, unit=(*words, unit[-1]))


def suffixed(text: str) -> Number | None:
    """`45k`, `2.5M`: the number where the letter behind it multiplies it, and is no variable; else None."""
    match = _SUFFIXED.fullmatch(text.strip())
    return scaled(match, None) if match and match[2] not in ("m", "b", "t", "mm") else None


def scaled(match: re.Match[str], currency: str | None) -> Number | None:
    """The number that a match of `_SUFFIXED` stands for.

    Args:
        match: the match; its groups are the digits, the letter that multiplies them, and the unit's words.
        currency: the unit that a currency sign around the match stands for.

    Returns:
        The number; None where the digits are not one.
    """
    number = _bare(match[1])
    if number is None:
        return None
    words = [singular(word) for word in (match[3] or "").split()]
    unit = (*([currency] if currency and currency not in words else []), *words)
    return Number(number.value * SUFFIXES[match[2]], unit=(*unit, "1") if unit else None)


def _without_currency(text: str) -> tuple[str, str | None]:
    """The text without a sign or code of money before or behind it, and the unit that it stands for."""
    if match := _BEFORE.match(text):
        return match[1] + text[match.end() :], _MONEY[match[2]]
    if match := _BEHIND.fullmatch(text):
        return match[1], _MONEY[match[2]]
    return text, None


def compound(text: str) -> tuple[Number, ...]:
    """`1 hour 30 minutes` in each of its units, 1.5 hours and 90 minutes; empty where the text is no such sum."""
    text = _CLOCKED.sub(r"\1 h \2 min", text)
    match = _COMPOUND.fullmatch(re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text))
    if not match:
        return ()
    sign, *groups = match.groups()
    amounts = [Fraction(group) for group in groups[::2] if group]
    names = [singular(group) for group in groups[1::2] if group]
    names = beside(names)
    if not all(name in UNITS for name in names) or len({UNITS[name][0] for name in names}) > 1:
        return ()
    worths = [Fraction(UNITS[name][1]) for name in names]
    if sorted(set(worths), reverse=True) != worths:
        return ()
    total = sum((amount * worth for amount, worth in zip(amounts, worths, strict=True)), Fraction(0))
    if sign:
        total = -total
    return tuple(Number(total / worth, unit=(name, "1")) for name, worth in zip(names, worths, strict=True))


def commas(text: str) -> tuple[Number | None, tuple[str, ...], str] | None:
    """The readings of digits with commas between them and no space behind a comma.

    Returns:
        The number that they may be (or None), the entries of the list that they may be (empty where it cannot be one),
        and which of the two counts in a gold: `number`, `list` or `both`. None where the text is something else.
    """
    text = text.strip()
    if "," not in text or len(text) > MAX_DIGITS:
        return None
    listed = tuple(text.split(",")) if _LISTED.fullmatch(text) else ()
    if _THOUSANDS.fullmatch(text) or _POINTS.fullmatch(text):
        parts = listed or (tuple(text.split(",")) if "." not in text.partition(",")[2] else ())
        return _bare(text), parts, "number"
    if _LAKH.fullmatch(text):
        return _bare(text), listed, "both"
    if _COMMA.fullmatch(text):
        return _bare(text), listed, "list" if _LIST_FIRST.fullmatch(text) else "both"
    return (None, listed, "list") if listed else None


def _bare(text: str) -> Number | None:
    """A number without percent sign, currency or unit."""
    if match := _PLAIN.fullmatch(text):
        return _decimal(match[1], match[2])
    if match := _POINTS.fullmatch(text):
        return _signed_decimal(re.sub(r"[. ]", "", text).replace(",", "."))
    if _LAKH.fullmatch(text):
        return _signed_decimal(text.replace(",", ""))
    if _COMMA.fullmatch(text):
        return _signed_decimal(text.replace(",", "."))
    if not any(mark in text for mark in "/\\eE*x^.…"):
        return None
    if "overline" in text and (match := _REPEATING.fullmatch(text)):
        return _repeating(*match.groups())
    if ".(" in text and (match := _PERIOD.fullmatch(text)):
        return _repeating(*match.groups())
    if text[-1] in ".…s" and (match := _REPEATED.fullmatch(text)) and len(match[4] + match[5]) > 2:
        return _repeating(match[1], match[2], match[3], match[4])
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


def period(text: str) -> Number | None:
    """`0.1(6)` as the repeating decimal that it may be; else None."""
    match = _PERIOD.fullmatch(text)
    return _repeating(*match.groups()) if match else None


def _repeating(sign: str, whole: str, part: str, repeated: str) -> Number:
    value = Fraction(int((whole or "0") + part)) + Fraction(int(repeated), 10 ** len(repeated) - 1)
    value /= 10 ** len(part)
    return Number(-value if sign == "-" else value)


def _signed_decimal(text: str) -> Number:
    return _decimal(text[0] if text[0] in "+-" else "", text.lstrip("+-"))


def _decimal(sign: str, text: str) -> Number:
    whole, point, part = re.sub("[, '_]", "", text).partition(".")
    value = Fraction(int(whole + part or "0"), 10 ** len(part)) if part else Fraction(int(whole or "0"))
    digits = len((whole + part).lstrip("0")) if point and part else 0
    return Number(-value if sign == "-" else value, len(part) if part else None, digits)


def _quotient(signs: tuple[str | None, ...], top: str, bottom: str) -> Number | None:
    divisor = _decimal("", bottom).value
    if not divisor:
        return None
    value = _decimal("", top).value / divisor
    return Number(-value if signs.count("-") % 2 else value)
