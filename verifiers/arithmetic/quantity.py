r"""Reads the number that a stated answer comes to: `20 - 5 = 15 apples`, `3 1/2 cups`, `$2.5M`, `1 hour 30 minutes`.

A text is taken apart into chains: an expression (`verifiers.arithmetic.expressions`) and what an equals sign after it
leads to, whose value is that of its last side. A stated answer that begins with a chain is that chain, else it is its
last one (`the total of 5 and 3, that is 8`). A quantity without a value is a number that stands there and that nobody
can read as one: part of a root or a product with π, a list (`3, 4`), a choice of two (`3 or 4`), a time of day. A list
or a sum in words that something else follows is not the answer: `5 and 3, that is 8` is 8.

Where a number can be written in several ways, these are read:

- commas: `1,234` and `12,34,567` group digits; a comma before one, two or more than three digits, after `0`, after
  more than three digits, or after digits grouped by points or spaces is a decimal comma (`0,5`, `1.234,50`, `1 234,5`).
  `3, 4` with a space is a list;
- `%`, `percent` and `pct` are remembered, and whoever compares decides (`verifiers.numeric`);
- `45k`, `$2.5M`, `3bn`, `5 million`, `seven`, `two thirds`, `3½`, `3 and a half`, `7th` are numbers;
- currency signs and codes, before or after, are units, and so are words: `verifiers.answer.units` knows some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from verifiers.answer.latex import clean
from verifiers.answer.units import UNITS, beside, singular
from verifiers.answer.words import with_digits
from verifiers.arithmetic.chains import Chain, Quantity, chains_of
from verifiers.arithmetic.plain_numbers import tidied

LONGEST = 2_000
"""Characters of a text that are read; of a longer one its beginning, or its end where the last number is wanted."""


_PLAIN = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\.?")
_REJECTED = re.compile(
    r"(?i)(?:\b(?:not|never|rather than|instead of|cannot|anything but|no longer|nowhere near|far from)|n['’]t)"
    r"(?:\s(?:be|equal(?:\sto)?))?"
    r"\s+[-$]?[0-9][0-9,.]*(?:\s?%)?"
)
TURNED_DOWN = re.compile(
    r"(?i)(?<![\w.,=+*/-])[-$]?[0-9][0-9,.]*(?:\s?%)?\s+(?:is|was)(?:\s+not|n['’]t)\s+(?:it\b|(?:the\s+)?(?:correct|right|final)?\s*answer\b"
    r"|(?:correct|right)\b)|(?<![\w.,=+*/-])[-$]?[0-9][0-9,.]*(?:\s?%)?\s+(?:is|was)\s+(?:clearly\s+)?(?:wrong|incorrect|a\s+mistake)\b"
)
"""A number that is called wrong: `83 is not the answer`."""
_ORDINAL = re.compile(r"(?<![/.,])\b[0-9]{1,3}(?:st|nd|rd|th)\s+[A-Za-z]+")
"""Which one of several: `the 2nd test`."""
_BRACKETED_UNIT = re.compile(r"\([^()]*[0-9] ?([A-Za-z]+) ?\)")
_EQUATED = re.compile(r"([0-9][0-9.,]*\s([A-Za-z]+))\s*=\s*([0-9][0-9.,]*\s([A-Za-z]+))(?=[ .!]*$)")
_TWO_UNITS = re.compile(r"\s*([0-9][0-9.,]*\s[A-Za-z]+)\s*(?:=|,?\s+or|,|\()\s*([0-9][0-9.,]*\s[A-Za-z]+)\s*\)?[ .!]*")
_CLOCK = re.compile(r"(?i)(?<![\d:.])(\d{1,2})(?::([0-5]\d))?(?::[0-5]\d)?\s*(?:([ap])\.?\s?m\b\.?)?(?![\d:])")


def stated_quantity(text: str) -> Quantity | None:
    """The quantity of a stated answer: what it begins with, else its last one; None where it has no number."""
    if plain := _PLAIN.fullmatch(text):
        return Quantity(Fraction(plain[1]), plain[1], alone=True)
    text = _EQUATED.sub(_as_remark, text[:LONGEST])
    counted = _ORDINAL.sub(" ", text)
    if counted != text and any(character.isdigit() for character in counted):  # `the 14th prime, 43`
        other = _first_or_last(counted)
        return replace(other, alone=False) if other else None
    return _first_or_last(text)


def _first_or_last(text: str) -> Quantity | None:
    """The quantity that a text begins with, else its last one; None where it has no number."""
    tidy = tidied(text)
    if not any(character.isdigit() for character in tidy):
        tidy = tidied(with_digits(text))
    chains = chains_of(tidy)
    if not chains:
        return _no_chain(tidy)
    if len(chains) == 2 and (restated := _restated(chains[0].quantity, chains[1].quantity)):
        return replace(restated, alone=chains[0].begins)
    return _picked(chains, 0 if chains[0].begins else len(chains) - 1)


def in_two_units(text: str) -> tuple[str, ...]:
    """The two forms of a quantity that a text gives in two units, `2.5 hours (150 minutes)`; else nothing."""
    forms = _TWO_UNITS.fullmatch(text) if len(text) <= 80 else None
    quantity = stated_quantity(text) if forms else None
    return forms.groups() if forms and quantity and quantity.also else ()


def last_quantity(text: str) -> Quantity | None:
    """The last quantity of a text that states no answer; None where the text has no number."""
    for line in reversed(text[-LONGEST * 10 :].split("\n")[-200:]):
        if any(character.isdigit() for character in line):
            line = _EQUATED.sub(_as_remark, _REJECTED.sub(" ", line[-LONGEST:]))
            counted = _ORDINAL.sub(" ", line)
            tidy = tidied(counted if any(character.isdigit() for character in counted) else line)
            chains = chains_of(tidy)
            if len(chains) > 1 and (restated := _restated(chains[-2].quantity, chains[-1].quantity)):
                return restated
            return _picked(chains, len(chains) - 1, last=True) if chains else _no_chain(tidy)
    line = text.rstrip()[-LONGEST:].rpartition("\n")[2]
    chains = chains_of(tidied(with_digits(line, pronouns=False))) if line else []
    return _picked(chains, len(chains) - 1, last=True) if chains else None


def _picked(chains: Sequence[Chain], index: int, *, last: bool = False) -> Quantity:
    """The quantity of one chain, together with those that it is joined to."""
    low = high = index
    while low > 0 and chains[low].joined:
        low -= 1
    while high + 1 < len(chains) and chains[high + 1].joined:
        high += 1
    group = chains[low : high + 1]
    alone = len(chains) == len(group) and chains[low].begins
    picked = chains[index].quantity
    if len(group) == 1:
        return replace(picked, alone=alone)
    if (same := _in_other_units([chain.quantity for chain in group])) is not None:
        return replace(same, alone=alone)
    if (compound := _compound([chain.quantity for chain in group])) is not None:
        return replace(compound, alone=alone)
    if any(chain.first != chain.side for chain in group):
        return picked  # what an equation leads to is in no list: `4 * 3 = 12 hours and 5 more`
    values = {_plain_value(chain.quantity) for chain in group}
    if len(values) == 1 and None not in values:
        return replace(picked, alone=alone)  # `1/2 or 0.5`
    if last and any(chain.units for chain in group[:-1]):
        return picked  # `… 5 apples and 3 oranges`: the last number of a sentence, not a list
    if high + 1 < len(chains):
        return _picked(chains, len(chains) - 1)  # `5 and 3, that is 8`
    return Quantity(None, " , ".join(chain.quantity.written for chain in group), alone=alone)


def _restated(first: Quantity, last: Quantity) -> Quantity | None:
    """`2.5 hours (150 minutes)`: one quantity in two units, with both of its values; None where it is not one."""
    inside = _BRACKETED_UNIT.fullmatch(last.written)
    one, two = UNITS.get(first.unit or ""), UNITS.get(singular(inside[1]) if inside else "")
    if one is None or two is None or one[0] != two[0] or one == two or first.value is None or last.value is None:
        return None
    if first.value * Fraction(one[1]) != last.value * Fraction(two[1]):
        return None
    return replace(first, also=(last.value,))


def _as_remark(match: re.Match[str]) -> str:
    """`2.5 hours = 150 minutes` as `2.5 hours (150 minutes)`: what follows is another unit, and no next step."""
    one, two = singular(match[2]), singular(match[4])
    same_kind = one in UNITS and two in UNITS and one != two and UNITS[one][0] == UNITS[two][0]
    return f"{match[1]} ({match[3]})" if same_kind else match[0]


def _in_other_units(parts: Sequence[Quantity]) -> Quantity | None:
    """`0.5 km, or 500 m`: one quantity in several units, with all of its values; None where it is not one."""
    units = [UNITS.get(part.unit or "") for part in parts]
    if len({unit[0] for unit in units if unit}) != 1 or any(part.percent for part in parts):
        return None
    worths = {part.value * Fraction(unit[1]) for part, unit in zip(parts, units, strict=True) if unit and part.value}
    if len(worths) != 1 or not all(unit and part.value for part, unit in zip(parts, units, strict=True)):
        return None
    return replace(parts[0], also=tuple(part.value for part in parts[1:] if part.value is not None))


def _plain_value(quantity: Quantity) -> Fraction | None:
    if quantity.value is None:
        return None
    return quantity.value / 100 if quantity.percent else quantity.value


def _compound(parts: Sequence[Quantity]) -> Quantity | None:
    """`1 hour 30 minutes`: one quantity, in each of its units; None where the parts are not of one kind, falling."""
    names = [part.unit or "" for part in parts]
    units = [UNITS.get(name) for name in beside(names)]
    if any(unit is None or part.value is None or part.percent for unit, part in zip(units, parts, strict=True)):
        return None
    kinds = {unit[0] for unit in units if unit}
    worths = [Fraction(unit[1]) for unit in units if unit]
    if len(kinds) != 1 or sorted(set(worths), reverse=True) != worths:
        return None
    total = sum((part.value or 0) * worth for part, worth in zip(parts, worths, strict=True))
    written = " ".join(f"{part.written} {part.unit}" for part in parts)
    first = parts[0].unit
    return Quantity(total / worths[0], written, False, first, tuple(total / worth for worth in worths[1:]))


def _no_chain(text: str) -> Quantity | None:
    """What a text says in digits without a readable number: a time of day, or something else."""
    if match := _CLOCK.search(text):
        return Quantity(None, match[0].strip(), clock=_clock(match))
    if any(character.isdigit() for character in text):
        return Quantity(None, text[:80])
    return None


def clock(text: str) -> tuple[int, int, str] | None:
    """The time of day that a text is or holds, where it is written with a colon or with am or pm."""
    match = _CLOCK.search(clean(text[:LONGEST]))
    return _clock(match) if match and (match[2] or match[3]) else None


def _clock(match: re.Match[str]) -> tuple[int, int, str] | None:
    if not (match[2] or match[3]) or int(match[1]) > 24:
        return None
    hour, half = int(match[1]), (match[3] or "").lower()
    if hour > 12:
        return hour - 12, int(match[2] or 0), "p"
    return hour % 12 if hour != 12 or half else 0, int(match[2] or 0), half
