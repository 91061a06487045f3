r"""Decides whether two answers are equal, from their structure down to numbers and expressions.

- `1, 2` is a list: order does not matter. `(1, 2)` is a tuple, or an open interval: order matters. `\{1, 2\}` is a set;
  it equals the list, not the tuple. A list equals a tuple in the same order. `[1, 2]` equals neither.
- `x < 3` is the interval (-oo, 3), `x = 5` and `x \in \{5\}` are 5 with a name: names must agree where both give one.
- `a \pm b` is a list of two.
- A ratio `2:4` is `1:2` and 1/2; a time `12:00` is only itself.
- `204_5` keeps its base: it is neither `204` nor 54.
- Words are compared without case and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from verifiers.answer.numbers import Number, same_number, unit_factor
from verifiers.answer.values import Based, Expression, Group, Matrix, Named, Words, is_interval

Equal = Callable[[Any, Any], bool]
Algebra = Callable[[str, str, bool], bool]


def same(gold: Any, answer: Any, *, algebra: Algebra, digits: int, percent: str) -> bool:
    """Whether an answer equals the gold.

    Args:
        gold: the parsed gold.
        answer: the parsed answer.
        algebra: `(gold_text, answer_text, relation) -> bool`, asked where two expressions differ in writing; `relation`
            is true where one of them is an equation, an inequality or a set.
        digits, percent: as for `verifiers.answer.numbers.same_number`.
    """

    def equal(left: Any, right: Any) -> bool:
        if isinstance(left, Number) and isinstance(right, Number):
            return same_number(left, right, digits=digits, percent=percent)
        if isinstance(left, Named) or isinstance(right, Named):
            return _same_named(left, right, equal, algebra)
        if isinstance(left, Group) and isinstance(right, Group):
            return _same_groups(left, right, equal, algebra)
        if isinstance(left, Group) or isinstance(right, Group):
            return _same_with_group(left, right, equal, algebra)
        if isinstance(left, Matrix) and isinstance(right, Matrix):
            return [len(row) for row in left.rows] == [len(row) for row in right.rows] and all(
                equal(a, b)
                for one, two in zip(left.rows, right.rows, strict=True)
                for a, b in zip(one, two, strict=True)
            )
        if isinstance(left, Based) or isinstance(right, Based):
            return left == right
        if isinstance(left, Words) and isinstance(right, Words):
            return left.words == right.words or _same_products(left, right)
        return _same_expressions(left, right, algebra)

    return equal(gold, answer)


def _same_products(left: Words, right: Words) -> bool:
    """Whether two letters or three are the same variables in another order, `xy` and `yx`; `no` and `on` are words."""
    if not left.symbol or not right.symbol or "no" in (left.words, right.words):
        return False
    return left.symbol.islower() and sorted(left.symbol) == sorted(right.symbol)


def _same_named(left: Any, right: Any, equal: Equal, algebra: Algebra) -> bool:
    if isinstance(left, Named) and isinstance(right, Named):
        if left.name == right.name:
            return equal(left.value, right.value)
        if is_interval(left.value) or is_interval(right.value) or len(left.name) > 1 or len(right.name) > 1:
            return False
        leaves = (Expression, Words)
        return (
            isinstance(left.value, leaves) and isinstance(right.value, leaves) and algebra(left.text, right.text, True)
        )
    named, other = (left, right) if isinstance(left, Named) else (right, left)
    if isinstance(other, Expression) and other.relation:
        texts = [
            side.value.text if isinstance(side, Named) and is_interval(side.value) else side.text
            for side in (left, right)
        ]
        return algebra(texts[0], texts[1], True)
    return equal(named.value, other) if named is left else equal(other, named.value)


def _values(group: Group) -> list[Any]:
    return [item.value if isinstance(item, Named) else item for item in group.items]


def _same_groups(left: Group, right: Group, equal: Equal, algebra: Algebra) -> bool:
    kinds = {left.kind, right.kind}
    if "ratio" in kinds:
        return len(kinds) == 1 and _same_ratios(left, right, equal)
    if kinds in ({"list"}, {"set"}, {"list", "set"}, {"union"}):
        if kinds == {"list"} and any(isinstance(a, Named) for a in left.items) != any(
            isinstance(a, Named) for a in right.items
        ):
            return _same_in_order(_split(left, right), _split(right, left), equal)
        if _same_in_any_order(list(left.items), list(right.items), equal):
            return True
        return kinds == {"union"} and algebra(left.text, right.text, True)
    if len(kinds) == 1 or kinds == {"tuple", "()"} or kinds == {"list", "tuple"}:
        return _same_in_order(_values(left), _values(right), equal)
    if kinds == {"list", "[]"} and len(left.items) > 2:
        return _same_in_order(_values(left), _values(right), equal)
    if "union" in kinds:
        return algebra(left.text, right.text, True)
    return False


def _split(group: Group, like: Group) -> list[Any]:
    """A list's values; a list of named lists `p=5,q=2; p=7,q=2` is one of tuples where the other side has tuples."""
    return [
        Group("tuple", tuple(_values(item)), item.text) if isinstance(item, Group) and item.kind == "list" else item
        for item in _values(group)
    ]


def _same_with_group(left: Any, right: Any, equal: Equal, algebra: Algebra) -> bool:
    group, other = (left, right) if isinstance(left, Group) else (right, left)
    if group.kind == "ratio" and isinstance(other, Number) and other.unit is None and len(group.items) == 2:
        first, second = group.items
        if all(isinstance(item, Number) for item in group.items) and second.value and not _is_time(group):
            return first.value / second.value == other.value
        return False
    if isinstance(other, Expression) and other.relation:
        return algebra(left.text, right.text, True)
    if group.kind == "set" and len(group.items) == 1:
        return equal(group.items[0], other) if group is left else equal(other, group.items[0])
    return False


def _same_ratios(left: Group, right: Group, equal: Equal) -> bool:
    if _is_time(left) or _is_time(right):
        return _same_times(left.text, right.text)
    if _same_in_order(list(left.items), list(right.items), equal):
        return True
    numbers = [item.value for item in (*left.items, *right.items) if isinstance(item, Number)]
    if len(left.items) != len(right.items) or len(numbers) != 2 * len(left.items):
        return False
    a, b = numbers[: len(left.items)], numbers[len(left.items) :]
    return all(a[0] * y == b[0] * x for x, y in zip(a, b, strict=True)) and all(a) and all(b)


def _is_time(ratio: Group) -> bool:
    return bool(re.fullmatch(r"\s*[0-9]{1,2}\s*(?::[0-5][0-9]\s*)+(?:\\text\{[^{}]*\})?", ratio.text))


def _same_times(left: str, right: str) -> bool:
    """Whether two times are the same; `a.m.` and the like may be left out on one side."""
    (time, half), (other, other_half) = (re.sub(r"\s|^0", "", text).partition("\\text")[::2] for text in (left, right))
    return time == other and (not half or not other_half or half.lower() == other_half.lower())


def _same_in_order(left: list[Any], right: list[Any], equal: Equal) -> bool:
    return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))


def _same_in_any_order(left: list[Any], right: list[Any], equal: Equal) -> bool:
    """Whether each item has its own partner. Equality is not quite transitive, but greedy matching is near enough."""
    if len(left) != len(right) or len(left) > 200:
        return False
    rest = list(right)
    for item in left:
        partner = next((index for index, other in enumerate(rest) if equal(item, other)), None)
        if partner is None:
            return False
        del rest[partner]
    return True


def _same_expressions(left: Any, right: Any, algebra: Algebra) -> bool:
    """Two leaves of which at least one needs algebra."""
    texts, units = [], []
    for leaf in (left, right):
        if isinstance(leaf, Words):
            if leaf.symbol is None:
                return False
            texts.append(leaf.symbol)
            units.append(None)
        elif isinstance(leaf, Number):
            if leaf.percent:
                texts.append(f"\\frac{{{leaf.value.numerator}}}{{{leaf.value.denominator}}}")
            else:
                texts.append(_number_text(leaf))
            units.append(leaf.unit)
        else:
            texts.append(leaf.text)
            units.append(getattr(leaf, "unit", None))
    if {type(left), type(right)} == {Words, Number}:
        return False
    if unit_factor(units[1], units[0]) != 1:
        return False
    if texts[0] == texts[1]:
        return True
    relation = any(isinstance(leaf, Expression) and leaf.relation for leaf in (left, right))
    return algebra(texts[0], texts[1], relation)


def _number_text(number: Number) -> str:
    """A number as the algebra reads it; a decimal keeps its digits."""
    if number.places is None:
        if number.value.denominator == 1:
            return str(number.value.numerator)
        return f"\\frac{{{number.value.numerator}}}{{{number.value.denominator}}}"
    sign = "-" if number.value < 0 else ""
    digits = str(abs(number.value.numerator) * 10**number.places // number.value.denominator).rjust(
        number.places + 1, "0"
    )
    return f"{sign}{digits[: -number.places]}.{digits[-number.places :]}"
