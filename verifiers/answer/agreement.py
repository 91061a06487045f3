"""Whether two numbers of answers agree: by value, by rounding, and by unit."""

from __future__ import annotations

from fractions import Fraction

from verifiers.answer.numbers import Number
from verifiers.answer.units import UNITS

_SAME_UNITS = ({"pound", "gbp"}, {"degree", "celsius"}, {"degree", "fahrenheit"}, {"degree", "deg"})


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
    if factor == 1:
        if gold.places is not None and answer.places is not None:
            if gold.percent or answer.percent:
                return _optional_percent(gold, answer, left, right, percent)
            if gold.places < answer.places:
                return gold.places >= 6 and rounds(left, right, gold.places)
            return answer.places >= 6 and rounds(right, left, answer.places)
        if stands_for(answer, left, digits) or stands_for(gold, right, digits):
            return True
    return _optional_percent(gold, answer, left, right, percent)


def _optional_percent(gold: Number, answer: Number, left: Fraction, right: Fraction, percent: str) -> bool:
    """Whether two numbers are equal once a percent sign that only one of them has is left out."""
    if percent == "optional" and gold.percent != answer.percent:
        return (left * 100 if gold.percent else left) == (right * 100 if answer.percent else right)
    return False


def stands_for(decimal: Number, value: Fraction, digits: int) -> bool:
    """Whether a decimal of so many significant digits is the rounded form of a value that no decimal writes exactly.

    Args:
        decimal: the number as it is written, with its places.
        value: the exact value.
        digits: significant digits that the decimal needs at least.
    """
    if not decimal.places or decimal.digits < digits or _terminates(value):
        return False
    return rounds(decimal.value, value, decimal.places + 2 * decimal.percent)


def rounds(short: Fraction, value: Fraction, places: int) -> bool:
    """Whether a decimal is a value rounded to the decimal's places.

    Args:
        short: the decimal.
        value: the value with more digits, or exact.
        places: digits after the point of `short`.
    """
    return abs(short - value) * 2 * 10**places <= 1


def unit_factor(unit: tuple[str, ...] | None, wanted: tuple[str, ...] | None) -> Fraction | None:
    """What a value in `unit` is multiplied by to be in `wanted`; 1 where one of them is not given; None: no unit fits.

    Words that are no known unit must be among the other's: `12 more days` is `12 days`, 5 apples are not 5 oranges.

    Args:
        unit: the words of the answer's unit and its power.
        wanted: those of the gold's.
    """
    if unit is None or wanted is None or unit == wanted:
        return Fraction(1)
    left, right = _words(unit), _words(wanted)
    powers = [next((int(part) for part in words if part.lstrip("-").isdigit()), 1) for words in (unit, wanted)]
    for words, index in ((left, 0), (right, 1)):
        for name, power in (("square", 2), ("sq", 2), ("cubic", 3), ("cu", 3)):
            if name in words:
                words.remove(name)
                powers[index] = power
    if {*left, *right} in _SAME_UNITS:
        return Fraction(1)
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


_SPEEDS = {"mph": ("mile", "hour"), "kph": ("km", "hour"), "kmh": ("km", "hour"), "kmph": ("km", "hour")}


def _words(unit: tuple[str, ...]) -> list[str]:
    """The words of a unit; where there are several, each by the one name that it has there: `h` and `hr` are `hour`."""
    words = [word for word in unit if word.isalpha()]
    words = [part for word in words for part in _SPEEDS.get(word, (word,))]
    return words if len(words) == 1 else [_NAMES.get(UNITS.get(word, ("", ""))) or word for word in words]


_NAMES: dict[tuple[str, str], str] = {}
"""What a unit measures and its worth → its first name."""
for _name, _measure in UNITS.items():
    _NAMES.setdefault(_measure, _name)


def _terminates(value: Fraction) -> bool:
    """Whether a decimal writes the value exactly: its denominator has only the factors 2 and 5."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
