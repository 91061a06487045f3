"""The words of answers: units of measure and what one is worth in another, multipliers, known phrases."""

from __future__ import annotations

_TABLE = """
length m=1 meter=1 metre=1 cm=0.01 centimeter=0.01 centimetre=0.01 mm=0.001 millimeter=0.001 millimetre=0.001 km=1000
 kilometer=1000 kilometre=1000 dm=0.1 inch=0.0254 in=0.0254 foot=0.3048 feet=0.3048 ft=0.3048 yard=0.9144 yd=0.9144
 mile=1609.344 mi=1609.344
time second=1 sec=1 s=1 minute=60 min=60 hour=3600 hr=3600 h=3600 day=86400 week=604800
mass g=1 gram=1 gm=1 tonne=1000000 kg=1000 kilogram=1000 mg=0.001 pound=453.59237 lb=453.59237
 ounce=28.349523125 oz=28.349523125 ton=907184.74
volume liter=1 litre=1 l=1 ml=0.001 milliliter=0.001 gallon=3.785411784 gal=3.785411784 cl=0.01
 quart=0.946352946 pint=0.473176473 cup=0.2365882365
dollar dollar=1 usd=1 buck=1 cent=0.01
euro euro=1 eur=1 eurocent=0.01
pound-sterling gbp=1 pence=0.01
yen yen=1 jpy=1
rupee rupee=1 rs=1 inr=1 paise=0.01 paisa=0.01
yuan yuan=1 cny=1 rmb=1
cad cad=1
aud aud=1
peso peso=1
area acre=1 hectare=2.4710538147 ha=2.4710538147
angle degree=1 deg=1
speed mph=1
speed-metric kmh=1 kph=1
temperature celsius=1
temperature-f fahrenheit=1
year month=1 year=12 yr=12 decade=120 century=1200
count unit=1
"""

UNITS: dict[str, tuple[str, str]] = {}
"""Unit word in the singular → what it measures, and its worth in the first unit of that kind, as a decimal."""
for _line in _TABLE.strip().replace("\n ", " ").splitlines():
    _kind, *_entries = _line.split()
    for _entry in _entries:
        _word, _worth = _entry.split("=")
        UNITS[_word] = (_kind, _worth)

_THOUSANDS = {
    "k": 1,
    "K": 1,
    "M": 2,
    "mn": 2,
    "mil": 2,
    "mm": 2,
    "B": 3,
    "bn": 3,
    "T": 4,
    "tn": 4,
    "m": 2,
    "b": 3,
    "t": 4,
}
SUFFIXES = {suffix: 1000**power for suffix, power in _THOUSANDS.items()}
"""What is written directly behind a number to multiply it: `45k`, `$2.5M`. The small letters do so only with money."""

MONEY = {
    "US$": "dollar", "USD": "dollar", "A$": "aud", "AUD": "aud", "C$": "cad", "CAD": "cad", "EUR": "euro", "GBP": "gbp",
    "JPY": "yen", "INR": "rupee", "Rs.": "rupee", "Rs": "rupee", "RS": "rupee", "rs": "rupee", "CNY": "yuan",
    "RMB": "yuan", "€": "euro", "£": "gbp", "¥": "yen", "₹": "rupee", "¢": "cent",
}  # fmt: skip
"""Signs and codes of currencies, before a number or behind it, and the unit that each stands for."""

LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
LARGE |= {"lakh": 10**5, "lakhs": 10**5, "crore": 10**7, "crores": 10**7}
"""Words for large numbers, those of India among them."""
MULTIPLIERS = {"hundred": 100, **LARGE, "dozen": 12}
"""Words that multiply the number before them."""

_NOT_UNITS = (
    "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths "
    "hundredth hundredths thousandth thousandths squared cubed factorial plus minus times over or not less to "
    "power divided multiplied by and mod modulo base point nil no"
)
NOT_UNITS = frozenset(_NOT_UNITS.split())
"""Words after a number that change its value: they are never dropped as a unit."""

PHRASES = {
    "no solution",
    "no solutions",
    "no real solution",
    "no real solutions",
    "does not exist",
    "not possible",
    "infinitely many",
    "infinitely many solutions",
    "infinite solutions",
    "all real numbers",
    "all reals",
    "the real numbers",
    "all real values",
    "no real roots",
    "no solutions exist",
    "no solution exists",
    "no real solutions exist",
    "no real solution exists",
    "empty set",
    "the empty set",
    "undefined",
    "dne",
    "none of these",
    "none of the above",
    "cannot be determined",
}
"""Answers of several words, in lower case, that need no `\\text{}` around them."""

NO_SOLUTION = frozenset(
    {"no solution", "no solutions", "no real solution", "no real solutions", "no real roots", "no solutions exist"}
    | {"no solution exists", "no real solutions exist", "no real solution exists"}
    | {"empty set", "the empty set", "none"}
)
"""Phrases that name the empty set of solutions."""
ALL_REALS = frozenset(
    {"all real numbers", "all reals", "the real numbers", "all real values", "the set of all real numbers"}
)
"""Phrases that name the set of the real numbers."""
ALL_INTEGERS = frozenset(
    {"all integers", "the integers", "the set of integers", "the set of all integers", "every integer", "any integer"}
)
"""Phrases that name the set of the integers."""
INFINITELY_MANY = frozenset(("infinitely many", "infinitely many solutions", "infinite solutions"))
"""Phrases that say that there is no end of solutions."""
DOES_NOT_EXIST = frozenset(("does not exist", "dne", "undefined"))
"""Phrases that say that a value does not exist."""

_QUALIFIERS = ("square", "cubic", "sq", "cu", "per")
KNOWN_WORDS = frozenset(
    {word for unit in UNITS if len(unit) > 1 for word in (unit, unit + "s", unit + "es")}
    | {*MULTIPLIERS, *_QUALIFIERS, "inches", "degrees", "percent", "pct", "percentage"}
    | {"per", "cent", "usd", "bucks", "mph", "am", "pm"}
)
"""Words, in lower case, that may stand beside a number in a text that is nothing but an answer."""


def beside(names: list[str]) -> list[str]:
    """The units of a sum such as `12 euros 50 cents` and `3 h 30 m`, where what stands first says what the others are.

    Args:
        names: the units in the singular, as they are written.
    """
    if names[0] in ("h", "hr", "hour"):
        names = ["minute" if name == "m" else name for name in names]
    if UNITS.get(names[0], ("",))[0] == "euro":
        names = ["eurocent" if name == "cent" else name for name in names]
    return names


def singular(word: str) -> str:
    """A word in lower case without its plural ending, where the rest is long enough to be a word."""
    word = word.lower().strip(".")
    if word in UNITS:
        return word
    for ending in ("es", "s"):
        if word.endswith(ending) and word[: -len(ending)] in UNITS:
            return word[: -len(ending)]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
