r"""Reads an answer's structure: lists, tuples, sets, intervals, unions, ratios, assignments, matrices, text.

What is left at the leaves is numbers, words and expressions; `verifiers.algebra.equality` says which answers are equal.
"""

from __future__ import annotations

import re
from typing import Any

from verifiers.answer.brackets import bracketed, spans_all
from verifiers.answer.environments import CASES, MATRIX, cases, congruence, matrix
from verifiers.answer.latex import CURRENCY, GARBAGE, top_level
from verifiers.answer.numbers import Number, commas, parse_number
from verifiers.answer.quantities import quantity
from verifiers.answer.relations import FUNCTIONS, NAME, NAMED_DIGITS, OPERATOR, OPERATORS, bare_name, plain, relation
from verifiers.answer.unit_text import split_unit
from verifiers.answer.values import (
    Based,
    Either,
    Expression,
    Group,
    Named,
    Time,
    Unparsable,
    Words,
    is_interval,
)
from verifiers.answer.wording import in_words

MAX_ANSWER = 4000
"""Characters of the longest answer that is read; a longer one is no answer."""
MAX_DEPTH = 40
"""Brackets inside brackets, at most."""


_AND = re.compile(r"\s*,?\s*(?<![A-Za-z\\{])(?:and|or)(?![A-Za-z}])\s*,?\s*")
_OR = re.compile(r"\s*(?<![A-Za-z\\{])or(?![A-Za-z}])\s*")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}(?![A-Za-z]*\})")
_TWO_WORDS = re.compile(r"(?<![\\A-Za-z])(?!sin|cos|tan|log|ln)[A-Za-z]{2,}\s+[A-Za-z]{2,}")
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
_NOON = re.compile(r"(?:12(?::00)?\s*)?(?:\\text\{\s*)?(noon|midnight)\s*\}?", re.IGNORECASE)
_AND_PART = re.compile(r"([0-9]{1,6})\s+and\s+([0-9]{1,4}/[0-9]{1,4})(.*)", re.DOTALL)
_GROUPING = re.compile(r"(?<![0-9.,])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9,])")
_SPACED_NUMBERS = re.compile(r"(?:[-+]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:,\s+|$))+")
_PARTS = re.compile(r"[A-Za-z][A-Za-z ]*(?:\s*,\s*(?:and\s+)?[A-Za-z][A-Za-z ]*|\s+(?:and|or)\s+[A-Za-z]+)+")
_LETTER = re.compile(r"\(([A-Z])\)")
_TUPLES = re.compile(r"(?<=\))\s*(?=\()")
_MONEY = re.compile(rf"{CURRENCY}(?=\s*[-+(]*[0-9.\\])|(?<=[0-9)}}]){CURRENCY}|(?<=[0-9)}}] ){CURRENCY}")
_OUTWARD = re.compile(r"([\[\]])([^\[\]()]*[,;][^\[\]()]*)([\[\]])")
"""An interval with brackets that may point outward, as in `]-2, 5[`."""
_DOTS = re.compile(r"\s*(?:\\(?:[lc]?dots|dotsc)|\.{3}|…)\s*")
_BUILDER = re.compile(r"\s*([A-Za-z])\s*(?:∈\s*\\mathbb\{R\})?\s*(?:\\mid|\||:)(.*)")
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
    if text[0].isdigit() and (value := quantity(text, lambda part: parse(part, depth + 1))) is not None:
        return value
    if match := _NOON.fullmatch(text):
        return Time(12, 0, half="p" if match[1].lower() == "noon" else "a")
    if (match := _TEXT.fullmatch(text)) and (
        re.search("[0-9]", match[1]) or _PARTS.fullmatch(_LETTER.sub(r"\1", match[1]).strip())
    ):
        return parse(_LETTER.sub(r"\1", match[1]), depth + 1)
    if match and match[1].strip() == r"\infty":
        return Expression(r"\infty")
    if (words := in_words(text)) is not None:
        return words
    if match := MATRIX.fullmatch(text):
        if r"\begin" not in match[2]:
            return matrix(match[2], text, lambda part: parse(part, depth + 1))
        return Expression(plain(text))
    if match := CASES.fullmatch(text):
        value = cases(match[2], text, lambda part: parse(part, depth + 1))
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
    if "mod" in text and (residue := congruence(text, lambda part: parse(part, depth + 1))) is not None:
        return residue
    if text.startswith(r"\{") and spans_all(text) and (match := _BUILDER.fullmatch(text[2:-2])):
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
            return Group("sequence", tuple(_entry(part, depth) for part in commas), plain(text))
        return _listed(commas, text, depth)
    text = commas[0].strip() if commas else text
    if (value := relation(text, lambda side: parse(side, depth + 1))) is not None:
        return value
    if ("±" in text or "∓" in text) and not (text.startswith(r"\{") and spans_all(text)):
        pair = [text.replace("±", plus).replace("∓", minus) for plus, minus in (("+", "-"), ("-", "+"))]
        return Group("list", tuple(parse(one.strip().removeprefix("+"), depth + 1) for one in pair), plain(text))
    parts = top_level(text, "∪") or [text]
    if len(parts) > 1:
        return Group("union", tuple(parse(part, depth + 1) for part in parts), plain(text))
    if (value := bracketed(text, lambda part: parse(part, depth + 1))) is not None:
        return value
    parts = top_level(text, ":") or [text]
    if len(parts) > 1:
        return Group("ratio", tuple(_entry(part, depth) for part in parts), plain(text))
    if match := _BASED.fullmatch(text):
        base = match[2] or match[3] or match[4] or _BASES.get(match[6])
        if base is None:
            raise Unparsable("a base that is not a number")
        based = Based(match[1] or match[5], str(int(base)))
        if based.base == "10" and (number := parse_number(based.digits)) is not None:
            return number
        if _IN_BASE.search(text) and (number := parse_number(based.digits)) is not None:
            return Either((based, number))  # the base is that of the question, which the gold need not repeat
        return based
    return _expression(text)


def _entry(text: str, depth: int) -> Any:
    """An entry of a sequence or a ratio, which may be dots."""
    return Words("…") if _DOTS.fullmatch(text) else parse(text, depth + 1)


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


def _expression(text: str) -> Any:
    text = _MONEY.sub(" ", text).strip()
    if CURRENCY in text:
        raise Unparsable("a currency sign that stands at no number")
    if _TRIGONOMETRIC.search(text):
        text = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", text)
    core, unit = split_unit(text)
    if any(len(word) > 3 and word not in FUNCTIONS for word in _PROSE.findall(core)) or _TWO_WORDS.search(core):
        raise Unparsable("words that are not an answer")
    if not re.search("[A-Za-z0-9]", core):
        raise Unparsable("it has neither a number nor a name")
    if unit is not None and (number := parse_number(core)) is not None:
        return Number(number.value, number.places, number.digits, unit=unit)
    return Expression(plain(core), unit, relation=bool(_SET_OPERATION.search(core)))
