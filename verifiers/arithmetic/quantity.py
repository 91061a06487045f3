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
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile

from verifiers.answer.latex import CURRENCY, GARBAGE, clean
from verifiers.answer.units import LARGE, UNITS, beside, singular
from verifiers.answer.words import with_digits
from verifiers.arithmetic.expressions import Unreadable, parse
from verifiers.arithmetic.tokens import Token, tokenize

LONGEST = 2_000
"""Characters of a text that are read; of a longer one its beginning, or its end where the last number is wanted."""

_OTHER = "§"
"""Stands for a LaTeX command that belongs to no plain number."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text.

    Attributes:
        value: what it comes to; None where it is no plain number. `28%` has the value 28.
        written: as it is written.
        percent: whether it has a percent sign.
        unit: its unit in the singular where `verifiers.answer.units` knows it.
        also: other values of the same quantity: `1 hour 30 minutes` is 1.5, and also 90; `2 dozen` is 2, and also 24.
        clock: hours and minutes of a time of day, and am or pm where it says so; it has no value.
        alone: whether nothing but words that carry no number of their own stands around it.
    """

    value: Fraction | None
    written: str
    percent: bool = False
    unit: str | None = None
    also: tuple[Fraction, ...] = ()
    clock: tuple[int, int, str] | None = None
    alone: bool = False


_PLAIN = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\.?")
_MARK = re.compile(r"=?\s?<<([^<>=\n]{0,200}=)[^<>\n]{0,200}>>")
_TEXT = re.compile(
    r"\\(?:text|operatorname)\s*\{([^{}]*)\}(\s*\^\s*(?:\{\s*-?[0-9]\s*\}|-?[0-9]))?(?:\s*/\s*(?=\\text))?"
)
_STOPS = re.compile(r"\\(?:implies|Rightarrow|rightarrow|to|Longrightarrow|therefore|because)(?![a-zA-Z])")
_KNOWN = re.compile(r"\\(?!(?:frac|times|cdot|div|approx)(?![a-zA-Z]))(?:[a-zA-Z]+|[{}])|√|\\(?=\s|$)")
_TWO_DIGITS = re.compile(r"\\frac\s*([0-9])\s*([0-9])(?![0-9])")
_MIXED = re.compile(r"(?<![\w.])([0-9]{1,9})\s*\\frac\s*\{\s*([0-9]{1,9})\s*\}\s*\{\s*([0-9]{1,9})\s*\}")
_AND_PART = re.compile(
    r"(?i)(?<![\w./])([0-9]{1,9})\s+and\s+(?:(?:a|one)[ -](half|third|quarter|fourth)"
    r"|([0-9]{1,4})\s?/\s?([0-9]{1,4}))\b"
)
_PART = {"half": 2, "third": 3, "quarter": 4, "fourth": 4}
_DOLLARS = re.compile(rf"(?:\bUS)?[{CURRENCY}$]\s?(?=[-+]?[0-9.(])|(?i:\bUSD)\s?(?=[-+]?[0-9.(])")
_CURRENCY = re.compile(
    r"(?:[€£¥₹]|(?i:\b(?:Rs|INR|EUR|GBP|CAD|AUD|JPY|CNY|RMB|A\$|C\$|NZ\$|HK\$)\.?))\s?(?=[-+]?[0-9.(])|(?<=[0-9])\s?[€£¥₹]"
)
_SUFFIX = re.compile(r"(?<![\w.,])([0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)\s?(k|K|M|mn|mil|bn|B|T)\b(?![/^'’])")
_SUFFIXES = {"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "mil": "million"}
_SUFFIXES |= {"bn": "billion", "B": "billion", "T": "trillion"}
_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\b|(?<=[0-9])\s?\^\s*\{?\s*(?:st|nd|rd|th)\s*\}?")
_GROUPED = re.compile(
    r"(?<![\w.,])(?:(?P<points>[0-9]{1,3}(?:\.[0-9]{3}){1,13})(?P<a>,[0-9]{1,40})(?![0-9.,]*[0-9])"
    r"|(?P<dots>[0-9]{1,3}(?:\.[0-9]{3}){2,13})(?![0-9.,]*[0-9])"
    r"|(?P<spaces>[1-9][0-9]{0,2}(?: [0-9]{3}){1,13})(?P<b>[.,][0-9]{1,40})?(?![0-9]| ?[0-9/])"
    r"|(?P<quotes>[0-9]{1,3}(?:['_][0-9]{3}){1,13})(?P<c>\.[0-9]{1,40})?(?![0-9])"
    r"|(?P<lakh>[0-9]{1,2}(?:,[0-9]{2}){1,12},[0-9]{3})(?P<d>\.[0-9]{1,40})?(?![0-9,]*[0-9])"
    r"|(?P<comma>0|[0-9]{1,3}(?=,(?:[0-9]{1,2}|[0-9]{4,40})(?![0-9]))|[0-9]{4,40}),(?P<part>[0-9]{1,40})(?![.,]?[0-9]))"
)
_GLUED_UNIT = re.compile(
    r"(?<=[0-9])\s?(?:(?=[a-z]{2}|m\s?\^|h(?:[\s.,;!?)]|$))(mm|cm|dm|km|m|h|kg|mg|ml|ft|yd|mi|lbs?|oz|hrs?|mins?|mph|kph))\b"
    r"(\s?\^\s?\{?\s?[23]\s?\}?)?(?![A-Za-z0-9^])"
)
_RECURRING = re.compile(r"(?<![\w.])([0-9]{0,12})\.([0-9]{0,12}?)([0-9]{1,12}?)(\3+)(?:\.{3,}|…|\\ldots)")
_LETTERED_TIME = re.compile(
    r"(?<![\w.])(?P<hours>[0-9]{1,4})\s?h(?:rs?)?\.?\s?(?:and\s)?(?P<minutes>[0-9]{1,2})\s?(?:m|mins?)\b\.?(?!\s?[/^])"
    r"|(?<![\w.])(?P<whole>[0-9]{1,4})\s?(?:m|min)\s?(?P<seconds>[0-9]{1,2})\s?(?:s|secs?)\b\.?"
)
"""`3h 30min` and `5m 20s`, whose single letters are units only beside each other."""
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-z]+\*?\}(?:\{[lcr|]*\})?")
_REJECTED = re.compile(r"(?i)\b(?:not|rather than|instead of)\s+[-$]?[0-9][0-9,.]*(?:\s?%)?")
_QUOTE = re.compile(r"(?<![0-9A-Za-z])'|'(?![0-9A-Za-z])")
_ZEROS = re.compile(r"(?<![\w.,:])0+(?=[0-9])")
_CLOCK = re.compile(r"(?i)(?<![\d:.])(\d{1,2})(?::([0-5]\d))?(?::[0-5]\d)?\s*(?:([ap])\.?\s?m\b\.?)?(?![\d:])")
_FILLING = (
    "a an the about approximately around roughly exactly only just nearly almost over equal equals to total sum of is "
    "are be was that which it he she they there we i has have had will would get gets got makes make made exact approx "
    "least most precisely simply therefore thus so value amount number and then clearly now answer"
)
_FILLERS = frozenset(_FILLING.split())
_MORE = frozenset({"more", "full", "whole", "fewer", "less", "extra", "additional", "total"})
_JOINS = frozenset({"and", "or", "to", "nor", "versus", "vs", "through"})
_AMBIGUOUS = frozenset({"in", "s", "h", "l", "m", "g"})
"""Words that are units only where nothing follows them: `5 in`, but not `5 in all`."""
_MULTIPLIES = frozenset({"hundred", *LARGE})


def stated_quantity(text: str) -> Quantity | None:
    """The quantity of a stated answer: what it begins with, else its last one; None where it has no number."""
    if plain := _PLAIN.fullmatch(text):
        return Quantity(Fraction(plain[1]), plain[1], alone=True)
    text = text[:LONGEST]
    tidy = _tidy(text)
    if not any(character.isdigit() for character in tidy):
        tidy = _tidy(with_digits(text))
    chains = _chains(tidy)
    if not chains:
        return _no_chain(tidy)
    return _picked(chains, 0 if chains[0].begins else len(chains) - 1)


def last_quantity(text: str) -> Quantity | None:
    """The last quantity of a text that states no answer; None where the text has no number."""
    for line in reversed(text[-LONGEST * 10 :].split("\n")[-200:]):
        if any(character.isdigit() for character in line):
            tidy = _tidy(_REJECTED.sub(" ", line[-LONGEST:]))
            chains = _chains(tidy)
            return _picked(chains, len(chains) - 1, last=True) if chains else _no_chain(tidy)
    line = text.rstrip()[-LONGEST:].rpartition("\n")[2]
    chains = _chains(_tidy(with_digits(line, pronouns=False))) if line else []
    return _picked(chains, len(chains) - 1, last=True) if chains else None


def _tidy(text: str) -> str:
    """A text in which every number is written plainly, for the tokens of arithmetic."""
    text = _ENVIRONMENT.sub(" ", text) if "\\begin" in text or "\\end" in text else text
    text = clean(_MARK.sub(r" = \1", text).lstrip(" =") if "<<" in text else text)
    text = _LETTERED_TIME.sub(_spelled_time, _RECURRING.sub(_recurring, text))
    text = _GLUED_UNIT.sub(lambda match: f" {'square ' * bool(match[2])}{match[1]}", text)
    if "\\" in text:
        text = _STOPS.sub(" => ", _TEXT.sub(lambda m: f" {'square ' * bool(m[2])}{m[1]} ", text).replace("{,}", ","))
        text = _TWO_DIGITS.sub(r"\\frac{\1}{\2}", text)
        text = _MIXED.sub(r"(\1+\2/\3)", text)
        text = _KNOWN.sub(_OTHER, text)
    text = _QUOTE.sub("", text.replace(GARBAGE, _OTHER))
    text = _DOLLARS.sub("$", _CURRENCY.sub("", text))
    if not text.isascii():
        text = re.sub(rf"(?<=[0-9])\s?{CURRENCY}", " dollar", text).replace("¢", " cent").replace(CURRENCY, "")
    text = _GROUPED.sub(_ungrouped, text)
    text = _SUFFIX.sub(lambda match: f"{match[1]} {_SUFFIXES[match[2]]}", text)
    text = _ORDINAL.sub("", text)
    text = _AND_PART.sub(lambda m: f"({m[1]}+1/{_PART[m[2].lower()]})" if m[2] else f"({m[1]}+{m[3]}/{m[4]})", text)
    text = re.sub(r"(?i)(?:^|(?<=\bis )|(?<== ))(?:negative|minus)\s+(?=[0-9.])", "-", text)
    return _ZEROS.sub("", re.sub(r"(?i)\bpct\b", "%", text))


def _recurring(match: re.Match[str]) -> str:
    """A recurring decimal as the fraction that it is, where three of its digits at least repeat."""
    whole, part, period, more = match.groups()
    if len(period + more) < 3:
        return match[0]
    bottom = (10 ** len(period) - 1) * 10 ** len(part)
    top = int((whole or "0") + part + period) - int((whole or "0") + part)
    return f"({top}/{bottom})"


def _spelled_time(match: re.Match[str]) -> str:
    if match["hours"]:
        return f"{match['hours']} hours {match['minutes']} minutes "
    return f"{match['whole']} minutes {match['seconds']} seconds "


def _ungrouped(match: re.Match[str]) -> str:
    if match["comma"]:
        return f"{match['comma']}.{match['part']}"
    whole = match["points"] or match["dots"] or match["spaces"] or match["quotes"] or match["lakh"]
    part = match["a"] or match["b"] or match["c"] or match["d"] or ""
    return re.sub("[., '_]", "", whole) + part.replace(",", ".")


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain in tokens `first` to `end`; its last side begins at token `side`."""

    first: int
    side: int
    end: int
    quantity: Quantity
    begins: bool
    joined: bool
    """Whether only a comma, a word like `or`, and a unit stand between it and the chain before."""
    units: int
    """How many words of its unit follow it."""


def _chains(text: str) -> list[_Chain]:
    tokens = tokenize(text)
    chains: list[_Chain] = []
    at = 0
    while at < len(tokens):
        if not _starts(tokens, at):
            at += 1
            continue
        first, side = at, at
        value, percent, end = _side(tokens, at)
        while (sign := _sign_after(tokens, end)) is not None and _starts(tokens, sign + 1, after_sign=True):
            side = sign + 1
            value, percent, end = _side(tokens, side)
        last = end
        while last > side and tokens[last - 1].kind == "word" and tokens[last - 1].text.lower() not in _MULTIPLIES:
            last -= 1
        start, stop = tokens[side].start, tokens[last - 1].end
        words = [token.text.lower() for token in takewhile(_is_unit_word, tokens[last : last + 3])]
        named = singular(words[words[0] in _MORE and len(words) > 1]) if words else ""
        closing = last + len(words) == len(tokens) or tokens[last + len(words)].kind == "stop"
        unit = named if named in UNITS and (closing or named not in _AMBIGUOUS) else None
        if unit is None and "$" in text[max(0, start - 2) : start + 2]:
            unit = "dollar"
        dozens = (value * 12,) if value is not None and words[:1] in (["dozen"], ["dozens"]) else ()
        quantity = Quantity(value, text[start:stop], percent, unit, dozens)
        between = tokens[chains[-1].end : first] if chains else tokens[:first]
        chains.append(
            _Chain(
                first, side, end, quantity,
                begins=not chains and _only_fillers(tokens, first),
                joined=bool(chains) and first == side and _joins(between, chains[-1], tokens[first]),
                units=len(words),
            )
        )  # fmt: skip
        at = max(end, at + 1)
    return chains


def _is_unit_word(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() not in _JOINS


def _starts(tokens: Sequence[Token], at: int, *, after_sign: bool = False) -> bool:
    """Whether an expression begins at a token."""
    if at >= len(tokens):
        return False
    token = tokens[at]
    if token.kind in ("number", "frac"):
        return True
    if token.kind == "open":
        return at + 1 < len(tokens) and tokens[at + 1].kind in ("number", "open", "frac", "op")
    if (
        token.kind == "op"
        and token.text in "+-"
        and at + 1 < len(tokens)
        and tokens[at + 1].kind in ("number", "open", "frac")
    ):
        return after_sign or token.end == tokens[at + 1].start or at == 0
    return False


def _side(tokens: Sequence[Token], at: int) -> tuple[Fraction | None, bool, int]:
    """The value of the expression at a token (None where it has none), whether it is a percentage, and its end."""
    glued = at > 0 and _leads_in(tokens[at - 1], tokens[at])
    try:
        value, end = parse(tokens, at)
    except (Unreadable, ZeroDivisionError):
        end = at
        while end < len(tokens) and tokens[end].kind not in ("stop", "equal", "approx", "word"):
            end += 1
        return None, False, max(end, at + 1)
    percent = value.operations == 0 and any(token.kind == "percent" for token in tokens[at:end])
    exact = value.as_unit if percent else value.exact
    if end < len(tokens) and _goes_on(tokens[end - 1], tokens[end]):
        while end < len(tokens) and tokens[end].kind not in ("stop", "equal", "approx", "word"):
            end += 1
        return None, False, end
    return (None if glued else exact), percent, end


def _leads_in(before: Token, token: Token) -> bool:
    """Whether a token before a number makes it a part of something else: `XY2`, `x_2`, `√2`, `v1.2`."""
    touches = before.end == token.start
    if before.kind == "bad":
        return before.text in (_OTHER, "\\", "_", "^", ".", "@", "#", "<", ">")
    return touches and (before.kind in ("word", "number") or (before.kind == "op" and token.kind != "op"))


def _goes_on(last: Token, token: Token) -> bool:
    """Whether a token makes more of the expression before it than arithmetic can read: `7π`, `2x`, `3!5`."""
    touches = token.start == last.end
    if token.kind == "bad":
        return token.text == _OTHER or (touches and token.end - token.start <= 2)
    return touches and token.kind in ("op", "open") and token.text in "^{("


def _sign_after(tokens: Sequence[Token], end: int) -> int | None:
    """The index of the equals sign that follows an expression and its unit."""
    for index in range(end, min(end + 5, len(tokens))):
        if tokens[index].kind in ("equal", "approx"):
            return index
        if tokens[index].kind not in ("word", "close"):
            return None
    return None


def _only_fillers(tokens: Sequence[Token], first: int) -> bool:
    """Whether only words that say nothing of their own, or a name and an equals sign, stand before a token."""
    if first and tokens[first - 1].kind in ("equal", "approx"):
        return True
    return all(
        token.kind in ("open",) or (token.kind == "word" and token.text.lower() in _FILLERS) for token in tokens[:first]
    )


def _joins(between: Sequence[Token], before: _Chain, token: Token) -> bool:
    """Whether the chain that begins with a token is listed after another: `3, 4`, `5 apples and 3`, `1 hour 30`."""
    if not between and token.kind == "open":
        return False  # `72 (48 + 24)`
    words = [token for token in between if token.kind == "word" and token.text.lower() not in _JOINS]
    rest = [token for token in between if token.kind not in ("word", "close", "open")]
    marks = [token for token in between if token.kind != "word" or token.text.lower() in _JOINS]
    if before.first != before.side or any(token.text not in (",", ";", ":", "/", "&", "|", "-") for token in rest):
        return False
    if not marks:
        return not words or (len(words) == 1 and before.quantity.unit is not None)
    if (words or before.units) and not any(token.kind == "word" or token.text in (";", "/", "&") for token in marks):
        return False  # `5 apples, 3 of which are red`
    return len(words) <= 2 and all(word.start < mark.start for word in words for mark in marks)


def _picked(chains: Sequence[_Chain], index: int, *, last: bool = False) -> Quantity:
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
    if (compound := _compound([chain.quantity for chain in group])) is not None:
        return replace(compound, alone=alone)
    values = {_plain_value(chain.quantity) for chain in group}
    if len(values) == 1 and None not in values:
        return replace(picked, alone=alone)  # `1/2 or 0.5`
    if last and any(chain.units for chain in group[:-1]):
        return picked  # `… 5 apples and 3 oranges`: the last number of a sentence, not a list
    if high + 1 < len(chains):
        return _picked(chains, len(chains) - 1)  # `5 and 3, that is 8`
    return Quantity(None, " , ".join(chain.quantity.written for chain in group), alone=alone)


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
