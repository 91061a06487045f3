"""Numbers in words: `seven`, `twenty-one`, `two thousand three hundred and five`, `three and a half`, `two thirds`."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import takewhile

from verifiers.answer.units import LARGE, MULTIPLIERS

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: value for value, word in enumerate(_ONES.split())}
SMALL |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
"""Word → number, from zero to twenty and the tens up to ninety."""
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINAL = {word: value for value, word in enumerate(_ORDINALS.split(), 1)}
"""Word → number, from first to twentieth."""
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_PARTS |= {word: value for word, value in ORDINAL.items() if value > 2}
_PARTS |= {f"{word}s": value for word, value in ORDINAL.items() if value > 2}
_WORD = re.compile(r"[a-z]+")
_FIRST = re.compile(
    rf"(?i)\b(?:(?:the|an?)\s(?={'|'.join([*ORDINAL, *_PARTS, *LARGE, 'hundred', 'dozen'])})"
    rf"|minus\s|negative\s)?(?:{'|'.join([*SMALL, *ORDINAL, *_PARTS, *LARGE, 'hundred', 'dozen'])})\b"
)
_AND_A_HALF = re.compile(r"(?i)\b(an?|one|[0-9]{1,6})\s+(?:([a-z]+)\s+)?and\s+(?:a|one)[\s-](half|quarter)\b")
_COMPOUND = re.compile(r"(?i)-(?:digit|sided|dimensional|letter|legged|part|step|fold|way)s?\b")
"""What makes a number a part of a word that says of which kind something is."""
_LONGEST = 40
"""Words of the longest number."""


def number_in_words(text: str) -> tuple[Fraction, str] | None:
    """The number in words that a text begins with, and its words; None where it begins with none.

    `the third` is 3, `a third` and `one third` are 1/3, `a dozen` is 12. `a` alone is no number.
    """
    words = [(match[0], match.start(), match.end()) for match in _words(text.lower())]
    at, sign = 0, 1
    if words and words[0][0] in ("minus", "negative"):
        at, sign = 1, -1
    if len(words) > at + 1 and words[at][0] == "the" and words[at + 1][0] in ORDINAL:
        return Fraction(ORDINAL[words[at + 1][0]]), text[: words[at + 1][2]]
    value, end = _whole(words, at)
    if value is None:
        if at < len(words) and words[at][0] in ("half", "halves"):
            value, end = Fraction(1, 2), at + 1
            if end + 1 < len(words) and words[end][0] == "a" and words[end + 1][0] in MULTIPLIERS:  # half a million
                value, end = value * MULTIPLIERS[words[end + 1][0]], end + 2
        else:
            return None
    elif (
        end < len(words)
        and value >= 20
        and value % 10 == 0
        and ORDINAL.get(words[end][0], 10) < 10
        and (words[end][0] != "second" or text[words[end][1] - 1] == "-")  # `thirty second` may be a time
    ):
        value, end = value + ORDINAL[words[end][0]], end + 1  # `twenty-first`
    elif end + 1 < len(words) and words[end][0] == "point" and (places := _digits(words[end + 1 :])):
        value, end = value + Fraction(f"0.{places}"), end + 1 + len(places)  # `twelve point five`
    elif end < len(words) and words[end][0] in _PARTS:
        value, end = value / _PARTS[words[end][0]], end + 1
    elif end + 1 < len(words) and words[end][0] == "and":
        more, after = _whole(words, end + 1)
        if more is not None and after < len(words) and words[after][0] in _PARTS:
            value, end = value + more / _PARTS[words[after][0]], after + 1
            if end < len(words) and words[end][0] in LARGE:
                value, end = value * LARGE[words[end][0]], end + 1
    return sign * value, text[: words[end - 1][2]]


def with_digits(text: str, *, pronouns: bool = True) -> str:
    """The text with its numbers in words as digits: `twenty-one apples` becomes `21 apples`.

    Args:
        text: any text.
        pronouns: whether `one` alone is a number, too.
    """
    text = with_halves(text)
    pieces: list[str] = []
    start = 0
    for match in _FIRST.finditer(text):
        if match.start() < start or not (found := number_in_words(text[match.start() : match.start() + 400])):
            continue
        value, words = found
        if _COMPOUND.match(text, match.start() + len(words)):  # `a two-digit number`
            continue
        if value == 1 and not pronouns:
            continue
        written = str(value) if value.denominator == 1 else f"({value})"
        pieces += [text[start : match.start()], written]
        start = match.start() + len(words)
    return "".join([*pieces, text[start:]])


def with_halves(text: str) -> str:
    """The text with `3 and a half` as `3.5`, and `an hour and a half` as `1.5 hour`."""
    return _AND_A_HALF.sub(_with_part, text) if "and" in text else text


def _with_part(match: re.Match[str]) -> str:
    whole = int(match[1]) if match[1].isdigit() else 1
    return f"{whole}.{'5' if match[3].lower() == 'half' else '25'} {match[2] or ''}".rstrip()


def _words(text: str) -> list[re.Match[str]]:
    """The words that a text begins with, joined by spaces, hyphens, and the comma after a word such as `thousand`."""
    found: list[re.Match[str]] = []
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        if found and found[-1][0] in LARGE and match[0] in SMALL:
            between = between.removeprefix(",")
        if len(found) == _LONGEST or between.strip(" -"):
            break
        found.append(match)
        end = match.end()
    return found


def _digits(words: list[tuple[str, int, int]]) -> str:
    """The digits that the first of some words are the names of."""
    return "".join(str(SMALL[word]) for word, _, _ in takewhile(lambda word: SMALL.get(word[0], 10) < 10, words))


def _whole(words: list[tuple[str, int, int]], at: int) -> tuple[Fraction | None, int]:
    """The whole number whose first word is at an index, and the index after its last; None where there is none."""
    total = current = 0
    last, begin = None, at  # the last addend, which must shrink: `twenty one`, not `one twenty`
    while at < len(words):
        word = words[at][0]
        if word in ("a", "an") and at == begin and at + 1 < len(words):
            following = words[at + 1][0]
            if following in _PARTS:
                return Fraction(1), at + 1
            if following not in ("hundred", "dozen", *LARGE):
                break
            current, last = 1, "small"
        elif word in SMALL:
            value = SMALL[word]
            if last == "small" or (last == "tens" and not 0 < value < 10):
                break
            current += value
            last = "tens" if value >= 20 else "small"
        elif word in ("hundred", "dozen") and current:
            current *= 100 if word == "hundred" else 12
            last = "hundred"
        elif word in LARGE and current:
            total += current * LARGE[word]
            current, last = 0, "large"
        elif word == "and" and last in ("hundred", "large") and at + 1 < len(words) and words[at + 1][0] in SMALL:
            pass
        elif word == "dozen" and at == begin:
            current, last = 12, "hundred"
        else:
            break
        at += 1
    return (None, begin) if last is None else (Fraction(total + current), at)
