r"""Reads an answer's structure: lists, tuples, sets, intervals, unions, ratios, assignments, matrices, text.

What is left at the leaves is numbers, words and expressions; `verifiers.algebra.equality` says which answers are equal.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from verifiers.answer.latex import CURRENCY, GARBAGE, top_level
from verifiers.answer.numbers import Number, commas, compound, parse_number, period, split_unit, suffixed
from verifiers.answer.relations import FUNCTIONS, NAME, NAMED_DIGITS, OPERATOR, OPERATORS, bare_name, plain, relation
from verifiers.answer.units import ALL_REALS, PHRASES
from verifiers.answer.values import (
    Based,
    Either,
    Expression,
    Group,
    Matrix,
    Named,
    Time,
    Unparsable,
    Words,
    is_interval,
)

MAX_ANSWER = 4000
"""Characters of the longest answer that is read; a longer one is no answer."""
MAX_DEPTH = 40
"""Brackets inside brackets, at most."""


_AND = re.compile(r"\s*,?\s*(?<![A-Za-z\\{])(?:and|or)(?![A-Za-z}])\s*,?\s*")
_OR = re.compile(r"\s*(?<![A-Za-z\\{])or(?![A-Za-z}])\s*")
_WORD = re.compile(r"(?:[A-Za-z]+|[A-Za-z]{3,}(?:['-][A-Za-z]{3,})+)\.?")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_COUNTING = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion nan"
)
_NUMBER_WORDS = frozenset(_COUNTING.split())
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}(?![A-Za-z]*\})")
_TWO_WORDS = re.compile(r"(?<![\\A-Za-z])(?!sin|cos|tan|log|ln)[A-Za-z]{2,}\s+[A-Za-z]{2,}")
_MATRIX = re.compile(r"\s*\\begin\{([pbB]?(?:small)?matrix)\}(.*)\\end\{\1\}\s*")
_BASED = re.compile(
    r"\(?([0-9A-Z]+)\)?\s*(?:_\s*(?:\{\s*([0-9]{1,2})\s*\}|([0-9]))|(?:\\text\{)?\s*\(?\s*(?:in\s+)?base\s*\}?\s*([0-9]{1,2})\s*[)}]*)"
    r"|\(?([0-9A-Z]+)\)?\s*(?:_\s*\{?\s*(?:\\text\{\s*)?|(?:\\text\{)?\s*\(?\s*(?:in\s+)?base\s+)([a-z]{3,12})\s*[)}]*"
)
_IN_BASE = re.compile(r"\bin\s+base\b")
_BASE_WORDS = "two three four five six seven eight nine ten eleven twelve"
_BASES = {word: str(base) for base, word in enumerate(_BASE_WORDS.split(), 2)} | {"sixteen": "16"}
_TRIGONOMETRIC = re.compile(r"(?:sin|cos|tan|cot|sec|csc|cis)(?![a-z])")
_DEGREES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*\\text\{ degrees\}")
_SET_OPERATION = re.compile(r"\\(?:cap|setminus|mathbb)(?![a-zA-Z])")
_TIME = re.compile(
    r"([0-9]{1,2})(?:\s*:\s*([0-5][0-9]))?(?:\s*:\s*([0-5][0-9]))?\s*(?:\\text\{)?\s*([ap])\s*\.?\s*m\s*\.?\s*\}?",
    re.IGNORECASE,
)
_OUT_OF = re.compile(r"([0-9]{1,9})\s+(?:in|out\s+of)\s+([1-9][0-9]{0,8})")
_OCLOCK = re.compile(r"(1?[0-9])\s*o'\s?clock\.?", re.IGNORECASE)
_FEET = re.compile(r"([0-9]{1,3})\s*'\s*([0-9]{1,2}(?:\.[0-9]+)?)\s*(?:\"|'')")
_LETTER_UNIT = re.compile(
    r"([0-9][0-9.,/]*(?:\s*\\times\s*10\s*\^\s*(?:\{-?[0-9]{1,3}\}|[0-9])|[eE][-+]?[0-9]{1,3})?)\s+([mgLlshNJWVAK])(?:\s*\^\s*\{?\s*([23])\s*\}?)?"
)
_AND_PART = re.compile(r"([0-9]{1,6})\s+and\s+([0-9]{1,4}/[0-9]{1,4})(.*)", re.DOTALL)
_TO = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s+to\s+([0-9]+(?:\.[0-9]+)?)\s*")
_GROUPING = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9,])")
_SPACED_NUMBERS = re.compile(r"(?:[-+]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:,\s+|$))+")
_PARTS = re.compile(r"[A-Za-z][A-Za-z ]*(?:\s*,\s*(?:and\s+)?[A-Za-z][A-Za-z ]*|\s+(?:and|or)\s+[A-Za-z]+)+")
_TUPLES = re.compile(r"(?<=\))\s*(?=\()")
_MONEY = re.compile(rf"{CURRENCY}(?=\s*[-+(]*[0-9.\\])|(?<=[0-9)}}]){CURRENCY}|(?<=[0-9)}}] ){CURRENCY}")
_OUTWARD = re.compile(r"([\[\]])([^\[\]()]*[,;][^\[\]()]*)([\[\]])")
"""An interval with brackets that may point outward, as in `]-2, 5[`."""
_DOTS = re.compile(r"\s*(?:\\(?:[lc]?dots|dotsc)|\.{3}|…)\s*")
_CASES = re.compile(rf"(?:({NAME.pattern})=)?" + r"\s*\\begin\{(?:d|r)?cases\}(.*)\\end\{(?:d|r)?cases\}\s*", re.DOTALL)
_IF = re.compile(r"(?:\\text\{\s*,?\s*(?:if|for|when|where)\s*\}|(?<![A-Za-z])(?:if|for|when|where)(?![A-Za-z]))\s*")
_BUILDER = re.compile(r"\s*([A-Za-z])\s*(?:∈\s*\\mathbb\{R\})?\s*(?:\\mid|\||:)(.*)")
_CONGRUENCE = re.compile(r"(.+?)\s*\\pmod\{([^{}]+)\}\s*|(.+?\\equiv.+?)\s*\\?mod(?![a-z])\s*(.+?)\s*")
_JUNK = re.compile(r"[@#%&~`" + GARBAGE + "]")


def parse(text: str, depth: int = 0) -> Any:
    """An answer from cleaned text (`verifiers.answer.latex.clean`).

    Args:
        text: the cleaned text.
        depth: how many brackets the text stands in; there is a limit.

    Returns:
        A Number, Words, Group, Named, Matrix, Based or Expression.

    Raises:
        Unparsable: the text is no answer: empty, too long, brackets that do not match, signs that belong to none.
    """
    if depth > 12:
        raise Unparsable("too deeply nested")
    text = text.strip()
    if not text or len(text) > MAX_ANSWER:
        raise Unparsable("empty" if not text else f"longer than {MAX_ANSWER} characters")
    if "," in text and (found := commas(text)) is not None:
        return _commas(text, *found)
    if text[0].isdigit() and text[-1] in "mM.}" and (match := _TIME.fullmatch(text)):
        return Time(int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4].lower())
    if (number := parse_number(text)) is not None:
        return number
    if depth == 0:
        _check(_OUTWARD.sub(r"(\2)", text) if text[0] == "]" or text[-1] == "[" else text)
        text = re.sub(r"(?<=[\])])\s*U\s*(?=[\[(])", r" \\cup ", text)
        text = re.sub(r"(?<![A-Za-z\\])(?:infinity|infty|inf|oo)(?![A-Za-z])", r"\\infty ", text)
        text = OPERATOR.sub(lambda match: OPERATORS[match[1]], text)
        text = re.sub(r"(?<=[\d\w)}])\s*\*\*\s*(?=[\d\w({-])", "^", text)
        if text[0] == "]" or text[-1] == "[":
            text = _OUTWARD.sub(lambda m: ("(" if m[1] == "]" else "[") + m[2] + (")" if m[3] == "[" else "]"), text)
    if text[0].isdigit() and (value := _quantity(text)) is not None:
        return value
    if text.lower() in ("noon", "midnight"):
        return Time(12, 0, half="p" if text.lower() == "noon" else "a")
    if (match := _TEXT.fullmatch(text)) and (re.search("[0-9]", match[1]) or _PARTS.fullmatch(match[1].strip())):
        return parse(match[1], depth + 1)
    if match and match[1].strip() == r"\infty":
        return Expression(r"\infty")
    if (words := _words(text)) is not None:
        return words
    if match := _MATRIX.fullmatch(text):
        if r"\begin" not in match[2]:
            return _matrix(match[2], text, depth)
        return Expression(plain(text))
    if match := _CASES.fullmatch(text):
        value = _cases(match[2], text, depth)
        return Named(bare_name(match[1]), value, plain(text)) if match[1] else value
    return _compound(text, depth)


def as_gold(value: Any, *, decimal_comma: bool = False) -> Any:
    """A gold with only those of its readings that count.

    Args:
        value: what `parse` made of the gold.
        decimal_comma: whether the comma in digits that may be a list or a decimal is a decimal comma.
    """
    if isinstance(value, Named):
        return Named(value.name, as_gold(value.value, decimal_comma=decimal_comma), value.text)
    if not isinstance(value, Either):
        return value
    numbers = [reading for reading in value.readings if isinstance(reading, Number)]
    if decimal_comma and numbers and any(isinstance(reading, Group) for reading in value.readings):
        return numbers[0]
    counting = value.readings[: value.as_gold]
    return counting[0] if len(counting) == 1 else Either(counting, len(counting))


def _commas(text: str, number: Number | None, entries: tuple[str, ...], gold: str) -> Any:
    """Digits with commas between them: a number, a list, or either."""
    if not entries and number is not None:
        return number
    group = Group("list", tuple(parse(entry, 1) for entry in entries), text)
    if number is None:
        return group
    readings = (group, number) if gold == "list" else (number, group)
    return Either(readings, 2 if gold == "both" else 1)


def _quantity(text: str) -> Any:
    """A ratio in words, a sum of units, or a number with a letter that multiplies it; else None."""
    if match := _TO.fullmatch(text):
        ends = parse(match[1], 1), parse(match[2], 1)
        return Either((Group("ratio", ends, text), Group("[]", ends, text)))
    if match := _OUT_OF.fullmatch(text):
        return Number(Fraction(int(match[1]), int(match[2])))
    if match := _OCLOCK.fullmatch(text):
        return Either((Time(int(match[1]), 0), Number(Fraction(int(match[1])))), 2)
    if match := _FEET.fullmatch(text):
        text = f"{match[1]} feet {match[2]} inches"
    if match := _LETTER_UNIT.fullmatch(text):
        number = parse_number(f"{match[1]}\\text{{ {match[2]}}}" + (f"^{match[3]}" if match[3] else ""))
        return Either((number, Expression(plain(text))), 2) if number is not None else None
    if ")" in text and (number := period(text)) is not None:
        return Either((number, Expression(plain(text))))
    if sums := compound(text):
        return Either(sums, len(sums))
    if (number := suffixed(text)) is not None:
        return Either((number, Expression(plain(text))), 2) if " " not in text else number
    return None


def _check(text: str) -> None:
    """Brackets must match and not be nested out of reason; some signs belong to no answer."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise Unparsable("too deeply nested")
    if top_level(text, "") is None:
        raise Unparsable("brackets do not match")
    if (_JUNK.search(text) and r"\begin" not in text) or GARBAGE in text:
        raise Unparsable("it has signs that belong to no answer")


def _words(text: str) -> Words | Expression | None:
    """An answer in words: one word, one letter, or `\\text{several words}`."""
    match = _TEXT.fullmatch(text)
    inner = match[1] if match else text
    bare = inner.strip().strip("()\"'.!* ").lower()
    if not match and re.search(r"[A-Za-z]['’]+$", inner.rstrip(")")):
        return None  # a name with a prime
    if not match and not _WORD.fullmatch(inner.strip("()\"'* ")) and bare not in PHRASES:
        return None
    if not bare:
        raise Unparsable("empty text")
    if not re.fullmatch(r"[a-z][a-z'., -]*", bare) or _NUMBER_WORDS & set(re.split("[ -]", bare)):
        raise Unparsable("words that are no answer, or a number in words")
    if bare in ALL_REALS:
        return Expression(r"\mathbb{R}", relation=True)
    if len(bare) == 1:
        letter = inner.strip().strip("()\"'.!* ")
        return Words(letter, letter)
    return Words(re.sub(r"[\s,.'-]+", " ", bare).strip(), inner.strip() if not match and len(bare) <= 3 else None)


def _matrix(body: str, text: str, depth: int) -> Matrix:
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    cells = tuple(tuple(parse(cell, depth + 1) for cell in row.split("&")) for row in rows)
    if not cells or len({len(row) for row in cells}) != 1:
        raise Unparsable("a matrix with rows of different lengths")
    return Matrix(cells, plain(text))


def _cases(body: str, text: str, depth: int) -> Group:
    """A piecewise value, one case a row; a list where the rows have no conditions, as in a system of equations."""
    rows = [row.strip(" ,;") for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    if not any("&" in _IF.sub("&", row) for row in rows):
        return Group("list", tuple(parse(row, depth + 1) for row in rows), plain(text))
    items: list[Group] = []
    for row in rows:
        value, _, condition = _IF.sub("&", row).partition("&")
        condition = condition.strip("& ,.")
        if not condition:
            raise Unparsable("a case without its condition")
        items.append(Group("case", (parse(value.strip(" ,"), depth + 1), parse(condition, depth + 1)), plain(row)))
    return Group("cases", tuple(items), plain(text))


def _congruence(text: str, depth: int) -> Any:
    """`x \\equiv 3 \\pmod 7`: a residue and its modulus, with its name if it has one; None where it is none."""
    match = _CONGRUENCE.fullmatch(text)
    if match is None:
        return None
    left, sign, right = (match[1] or match[3]).rpartition(r"\equiv")
    modulus = match[2] or match[4]
    if len(parts := top_level(right, ",") or [right]) > 1:
        residues = tuple(_residue(part, modulus, text, depth) for part in parts)
        value: Any = Group("list", residues, plain(text))
    else:
        value = _residue(right, modulus, text, depth)
    if not sign:
        return value
    return Named(bare_name(left), value, plain(text)) if NAME.fullmatch(left) else None


def _residue(text: str, modulus: str, whole: str, depth: int) -> Group:
    return Group("congruence", (parse(text, depth + 1), parse(modulus, depth + 1)), plain(whole))


def _compound(text: str, depth: int) -> Any:
    """Lists, relations, brackets and unions; an expression where it is none of them."""
    if _OR.search(text):
        parts = [parse(part, depth + 1) for part in _OR.split(text) if part.strip(" ,;")] if "," not in text else []
        if len(parts) > 1 and all(isinstance(part, Named) and is_interval(part.value) for part in parts):
            return Named(parts[0].name, Group("union", tuple(part.value for part in parts), text), plain(text))
    if (both := _both(text, depth)) is not None:
        return both
    if (match := _AND_PART.fullmatch(text)) and (
        number := parse_number(f"{match[1]} {match[2]}{match[3]}")
    ) is not None:
        if match[3].strip():
            return number
        return Either((Group("list", (parse(match[1], depth + 1), parse(match[2], depth + 1)), text), number))
    if "mod" in text and (congruence := _congruence(text, depth)) is not None:
        return congruence
    if text.startswith(r"\{") and _spans(text) and (match := _BUILDER.fullmatch(text[2:-2])):
        return parse(match[2], depth + 1)
    if match := NAMED_DIGITS.fullmatch(text):
        return Named(bare_name(match[1]), parse(match[2], depth + 1), plain(text))
    if "," in text and not re.search(r"[(\[{]|,\s", text) and "," not in _GROUPING.sub("", text):
        return parse(text.replace(",", ""), depth + 1)
    if _SPACED_NUMBERS.fullmatch(text) and _GROUPING.search(text):
        return _listed([part.replace(",", "") for part in re.split(r",\s+", text)], text, depth)
    listed = _AND.sub(" , ", _TUPLES.sub(",", text) if text.startswith("(") and "," in text else text)
    semicolons = top_level(listed, ";") or [listed]
    if len(semicolons) > 1:
        return _listed([part for part in semicolons if part.strip()], text, depth)
    commas = [part for part in top_level(listed, ",") or [] if part.strip(" ,")]
    if len(commas) > 1:
        if any(_DOTS.fullmatch(part) for part in commas):
            dots = Words("…")
            items = (dots if _DOTS.fullmatch(part) else parse(part, depth + 1) for part in commas)
            return Group("sequence", tuple(items), plain(text))
        return _listed(commas, text, depth)
    text = commas[0].strip() if commas else text
    if (value := relation(text, lambda side: parse(side, depth + 1))) is not None:
        return value
    if ("±" in text or "∓" in text) and not (text.startswith(r"\{") and _spans(text)):
        pair = [text.replace("±", plus).replace("∓", minus) for plus, minus in (("+", "-"), ("-", "+"))]
        return Group("list", tuple(parse(one.strip().removeprefix("+"), depth + 1) for one in pair), plain(text))
    parts = top_level(text, "∪") or [text]
    if len(parts) > 1:
        return Group("union", tuple(parse(part, depth + 1) for part in parts), plain(text))
    if (value := _bracketed(text, depth)) is not None:
        return value
    parts = top_level(text, ":") or [text]
    if len(parts) > 1:
        return Group("ratio", tuple(parse(part, depth + 1) for part in parts), plain(text))
    if match := _BASED.fullmatch(text):
        base = match[2] or match[3] or match[4] or _BASES.get(match[6])
        if base is None:
            raise Unparsable("a base that is no number")
        based = Based(match[1] or match[5], str(int(base)))
        if _IN_BASE.search(text) and (number := parse_number(based.digits)) is not None:
            return Either((based, number))  # the base is that of the question, which the gold need not repeat
        return based
    return _expression(text)


def _both(text: str, depth: int) -> Any:
    """Two conditions on one variable that hold at once: `x > 1 \\text{ and } x < 3`, `x \\ne \\pm 2`; else None."""
    if "≠" in text and len(sides := re.split(r"≠|=", text)) <= 3:
        name = sides[0]
        parts = [part.strip() for part in re.split(r",|(?<![A-Za-z])(?:and|or)(?![A-Za-z])|≠", text.partition("≠")[2])]
        values = [part for part in parts if part and part != name.strip()]
        if len(values) == 1 and values[0].startswith("±"):
            values = [values[0][1:], "-" + values[0][1:].strip()]
        if len(values) != 2 or not NAME.fullmatch(name) or any(re.search("[<>≤≥=]", value) for value in values):
            return None
        return Expression(rf"{plain(values[0])} \ne {plain(name)} \ne {plain(values[1])}", relation=True)
    parts = re.split(r"\s*(?<![A-Za-z\\{])and(?![A-Za-z}])\s*", text)
    if len(parts) != 2 or "," in text or not all(re.search("[<>≤≥]", part) for part in parts):
        return None
    found = [parse(part, depth + 1) for part in parts]
    if not all(isinstance(one, Named) and is_interval(one.value) for one in found) or found[0].name != found[1].name:
        return None
    below = next((one.value for one in found if one.value.items[0] == Expression(r"-\infty")), None)
    above = next((one.value for one in found if one.value.items[1] == Expression(r"\infty")), None)
    if below is None or above is None:
        return None
    interval = Group(above.kind[0] + below.kind[1], (above.items[0], below.items[1]), plain(text))
    return Named(found[0].name, interval, plain(text))


def _listed(parts: list[str], text: str, depth: int) -> Any:
    """A list; where only its first entry has a name, or all have the same, the name is the list's."""
    items: list[Any] = []
    for part in parts:
        item = parse(part, depth + 1)
        items.extend(item.items if isinstance(item, Group) and item.kind == "list" and "±" in part else (item,))
    names = [item.name if isinstance(item, Named) else None for item in items]
    if (
        names[0]
        and (set(names) == {names[0]} or not any(names[1:]))
        and not any(isinstance(item, Named) and is_interval(item.value) for item in items)
    ):
        flat: list[Any] = []
        for item in items:
            value = item.value if isinstance(item, Named) else item
            flat.extend(value.items if isinstance(value, Group) and value.kind == "list" else (value,))
        return Named(names[0], Group("list", tuple(flat), plain(text)), plain(text))
    return Group("list", tuple(items), plain(text))


def _bracketed(text: str, depth: int) -> Any:
    """A text inside one pair of brackets."""
    opening = r"\{" if text.startswith(r"\{") else text[0]
    closing = r"\}" if text.endswith(r"\}") else text[-1]
    pair = opening + closing
    if pair not in ("()", "(]", "[)", "[]", "{}", r"\{\}") or not _spans(text):
        return None
    inner = text[len(opening) : -len(closing)]
    if pair == "{}":
        return parse(inner, depth + 1)
    parts = top_level(inner, ",") or []
    semicolons = top_level(inner, ";") or []
    if len(parts) > 1 and len(semicolons) > 1:
        raise Unparsable("commas and semicolons in one bracket")
    parts = parts if len(parts) > 1 else semicolons
    if pair == r"\{\}":
        return _set(inner, parts, text, depth)
    if len(parts) == 1:
        return None if pair not in ("()", "[]") else _inner(inner, depth)
    items = tuple(parse(part, depth + 1) for part in parts)
    return Group("tuple" if pair == "()" else pair, items, plain(text))


def _inner(inner: str, depth: int) -> Any:
    if not inner.strip():
        raise Unparsable("empty brackets")
    return parse(inner, depth + 1)


def _set(inner: str, parts: list[str], text: str, depth: int) -> Any:
    if not inner.strip():
        return Expression(r"\emptyset", relation=True)
    items: list[Any] = []
    for part in parts:
        item = parse(part, depth + 1)
        items.extend(item.items if isinstance(item, Group) and item.kind == "list" else (item,))
    return Group("set", tuple(dict.fromkeys(items)), plain(text))


def _spans(text: str) -> bool:
    """Whether the first bracket of a text closes at its end."""
    depth, index = 0, 0
    while index < len(text):
        if text[index] == "\\" and text[index : index + 2] in (r"\{", r"\}"):
            depth += 1 if text[index + 1] == "{" else -1
            index += 1
        elif text[index] in "([{":
            depth += 1
        elif text[index] in ")]}":
            depth -= 1
        if depth == 0:
            return index == len(text) - 1
        index += 1
    return False


def _expression(text: str) -> Any:
    text = _MONEY.sub(" ", text).strip()
    if CURRENCY in text:
        raise Unparsable("a currency sign that stands at no number")
    if _TRIGONOMETRIC.search(text):
        text = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", text)
    core, unit = split_unit(text)
    if any(len(word) > 3 and word not in FUNCTIONS for word in _PROSE.findall(core)) or _TWO_WORDS.search(core):
        raise Unparsable("words that are no answer")
    if not re.search("[A-Za-z0-9]", core):
        raise Unparsable("it has neither a number nor a name")
    if unit is not None and (number := parse_number(core)) is not None:
        return Number(number.value, number.places, number.digits, unit=unit)
    return Expression(plain(core), unit, relation=bool(_SET_OPERATION.search(core)))
