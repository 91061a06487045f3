r"""Decides whether two answers are equal, from their structure down to numbers and expressions.

`docs/verifiers_math.md` has the rules with examples. In short:

- `1, 2` is a list: order does not matter. `(1, 2)` is a tuple, or an open interval: order matters. `\{1, 2\}` is a set;
  it equals the list, not the tuple. A list equals a tuple in the same order. `[1, 2]` equals neither. A matrix of one
  row or one column equals the tuple of its entries.
- `x < 3` is the interval (-oo, 3), `x = 5` and `x \in \{5\}` are 5 with a name: names must agree where both give one.
- `a \pm b` is a list of two.
- A ratio `2:4` is `1:2` and 1/2; a time `12:00` is only itself, and am or pm may be left out on one side.
- `204_5` keeps its base: it is neither `204` nor 54.
- Words are compared without case and punctuation; `no solution` is the empty set.
- An answer with two readings (`0,1`) equals the gold where one of them does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from verifiers.algebra.times import same_times, time_of
from verifiers.answer.agreement import same_number, unit_factor
from verifiers.answer.numbers import Number
from verifiers.answer.units import DOES_NOT_EXIST, INFINITELY_MANY, NO_SOLUTION
from verifiers.answer.values import Based, Either, Expression, Group, Matrix, Named, Time, Words, is_interval

Equal = Callable[[Any, Any], bool]
Algebra = Callable[[str, str, bool], bool]
Rows = Sequence[Sequence[Any]]


def same(gold: Any, answer: Any, *, algebra: Algebra, digits: int, percent: str) -> bool:
    """Whether an answer equals the gold.

    Args:
        gold: the parsed gold.
        answer: the parsed answer.
        algebra: `(gold_text, answer_text, relation) -> bool`, asked where two expressions differ in writing; `relation`
            is true where one of them is an equation, an inequality or a set.
        digits, percent: as for `verifiers.answer.agreement.same_number`.
    """

    def equal(left: Any, right: Any) -> bool:
        if isinstance(left, Number) and isinstance(right, Number):
            return same_number(left, right, digits=digits, percent=percent)
        if isinstance(left, Either):
            return any(equal(reading, right) for reading in left.readings)
        if isinstance(right, Either):
            return any(equal(left, reading) for reading in right.readings)
        if isinstance(left, Time) or isinstance(right, Time):
            return same_times(left, right)
        names = _by_name(left), _by_name(right)
        if names[0] is not None and names[1] is not None:
            return names[0].keys() == names[1].keys() and all(equal(names[0][key], names[1][key]) for key in names[0])
        if isinstance(left, Named) or isinstance(right, Named):
            return _same_named(left, right, equal, algebra)
        if isinstance(left, Group) and isinstance(right, Group):
            return _same_groups(left, right, equal, algebra)
        if {type(left), type(right)} == {Group, Matrix}:
            return _same_vectors(left, right, equal)
        if isinstance(left, Group) or isinstance(right, Group):
            return _same_with_group(left, right, equal, algebra) or (
                isinstance(right, Group) and right.kind == "list" and _is_one_value(right, left, equal)
            )
        if isinstance(left, Matrix) and isinstance(right, Matrix):
            return _same_rows(left.rows, right.rows, equal)
        if isinstance(left, Based) or isinstance(right, Based):
            return left == right
        if _is_empty(left) or _is_empty(right):
            return _is_empty(left) and _is_empty(right)
        if isinstance(left, Words) and isinstance(right, Words):
            return (
                left.words == right.words
                or {left.words, right.words} <= DOES_NOT_EXIST
                or {left.words, right.words} <= INFINITELY_MANY
                or _same_products(left, right)
            )
        return _same_expressions(left, right, algebra)

    return equal(gold, answer)


def _is_one_value(answers: Group, gold: Any, equal: Equal) -> bool:
    """Whether answers are one value in several forms: `3/5, or 0.6`, but not `5, 5`."""
    return len(set(answers.items)) == len(answers.items) and all(equal(gold, item) for item in answers.items)


def _same_products(left: Words, right: Words) -> bool:
    """Whether two letters or three are the same variables in another order, `xy` and `yx`; `no` and `on` are words."""
    if not left.symbol or not right.symbol or "no" in (left.words, right.words):
        return False
    return left.symbol.islower() and sorted(left.symbol) == sorted(right.symbol)


def _is_empty(value: Any) -> bool:
    """Whether an answer says that the set of solutions is empty."""
    if isinstance(value, Words):
        return value.words in NO_SOLUTION
    return isinstance(value, Expression) and value.text == r"\emptyset"


def _same_vectors(left: Any, right: Any, equal: Equal) -> bool:
    """Whether a tuple has the entries of a matrix of one row or one column, or `[[1, 2], [3, 4]]` its rows."""
    swapped = isinstance(left, Group)
    matrix, group = (right, left) if swapped else (left, right)
    if group.kind == "[]" and all(isinstance(row, Group) and row.kind == "[]" for row in group.items):
        listed = [row.items for row in group.items]
        return _same_rows(listed, matrix.rows, equal) if swapped else _same_rows(matrix.rows, listed, equal)
    if group.kind not in ("tuple", "[]") or (len(matrix.rows) > 1 and len(matrix.rows[0]) > 1):
        return False
    entries = [entry for row in matrix.rows for entry in row]
    items = _in_order(group)
    return _same_in_order(items, entries, equal) if swapped else _same_in_order(entries, items, equal)


def _same_rows(left: Rows, right: Rows, equal: Equal) -> bool:
    return _same_in_order(left, right, lambda one, two: _same_in_order(one, two, equal))


def _same_named(left: Any, right: Any, equal: Equal, algebra: Algebra) -> bool:
    if isinstance(left, Named) and isinstance(right, Named):
        if left.name == right.name or _one_graph(left.name, right.name):
            return equal(left.value, right.value)
        if is_interval(left.value) or is_interval(right.value) or (len(left.name) > 1 and len(right.name) > 1):
            return False
        leaves = (Expression, Words)
        return (
            isinstance(left.value, leaves) and isinstance(right.value, leaves) and algebra(left.text, right.text, True)
        )
    named, other = (left, right) if isinstance(left, Named) else (right, left)
    if _is_empty(other):
        return equal(named.value, other)
    if isinstance(named.value, Expression) and named.value.relation and named.value.text.startswith(r"\mathbb"):
        return equal(named.value, other) if named is left else equal(other, named.value)
    if isinstance(other, Expression) and other.relation:
        texts = [
            side.value.text if isinstance(side, Named) and is_interval(side.value) else side.text
            for side in (left, right)
        ]
        return algebra(texts[0], texts[1], True)
    return equal(named.value, other) if named is left else equal(other, named.value)


def _one_graph(name: str, other: str) -> bool:
    """Whether one name is y, and the other that of a function of x: `y = 2x` and `f(x) = 2x`."""
    return "y" in (name, other) and any(re.fullmatch(r"[a-zA-Z]\(x\)", one) for one in (name, other))


def _by_name(value: Any) -> dict[str, Any] | None:
    """The value of each name in `x = 1, y = 2` and in `(x, y) = (1, 2)`; None where the answer is something else."""
    if isinstance(value, Group) and value.kind == "list" and all(isinstance(item, Named) for item in value.items):
        found = {item.name: item.value for item in value.items}
        return found if len(found) == len(value.items) else None
    if isinstance(value, Named) and value.name.startswith("(") and isinstance(value.value, Group):
        names = re.split("[,;]", value.name.strip("()"))
        if len(names) == len(set(names)) == len(value.value.items) and value.value.kind == "tuple":
            return dict(zip(names, value.value.items, strict=True))
    return None


def _in_order(group: Group) -> list[Any]:
    """A group's items: values of x, y and z in the order of the alphabet, all others in the order they are written."""
    items = list(group.items)
    if items and all(isinstance(item, Named) and item.name in ("x", "y", "z") for item in items):
        items.sort(key=lambda item: item.name)
    return items


def _numbered(group: Group) -> bool:
    """Whether the names in a list only number one unknown, as in `x_1 = 2, x_2 = 3`."""
    return all(isinstance(item, Named) and re.fullmatch("x_?[0-9]", item.name) for item in group.items)


def _same_groups(left: Group, right: Group, equal: Equal, algebra: Algebra) -> bool:
    kinds = {left.kind, right.kind}
    if kinds == {"cases"} or (kinds == {"list"} and _numbered(right)):
        return _same_in_any_order(left.items, right.items, equal)
    if kinds == {"congruence"}:
        return _same_congruences(left, right, equal)
    if "ratio" in kinds:
        return len(kinds) == 1 and _same_ratios(left, right, equal)
    if kinds in ({"list"}, {"set"}, {"list", "set"}, {"union"}):
        if kinds == {"list"} and any(isinstance(a, Named) for a in left.items) != any(
            isinstance(a, Named) for a in right.items
        ):
            return _same_in_order(_in_order(left), _in_order(right), equal)
        if _same_in_any_order(left.items, right.items, equal):
            return True
        return kinds == {"union"} and algebra(left.text, right.text, True)
    if (
        len(kinds) == 1
        or kinds in ({"tuple", "()"}, {"list", "tuple"})
        or (kinds == {"list", "[]"} and len(left.items) > 2)
    ):
        return _same_in_order(_in_order(left), _in_order(right), equal)
    if "union" in kinds:
        return algebra(left.text, right.text, True)
    if left.kind == "set" and len(left.items) == 1:
        return equal(left.items[0], right)
    if right.kind == "set" and len(right.items) == 1:
        return equal(left, right.items[0])
    return False


def _same_with_group(left: Any, right: Any, equal: Equal, algebra: Algebra) -> bool:
    group, other = (left, right) if isinstance(left, Group) else (right, left)
    if group.kind == "ratio" and isinstance(other, Number) and other.unit is None and len(group.items) == 2:
        first, second = group.items
        if all(isinstance(item, Number) for item in group.items) and second.value and time_of(group) is None:
            return first.value / second.value == other.value
        return False
    if isinstance(other, Expression) and other.relation:
        return algebra(left.text, right.text, True)
    if group.kind == "set" and len(group.items) == 1:
        return equal(group.items[0], other) if group is left else equal(other, group.items[0])
    return False


def _same_congruences(left: Group, right: Group, equal: Equal) -> bool:
    """Whether two residues are the same class of one modulus."""
    (residue, modulus), (other, divisor) = left.items, right.items
    if not equal(modulus, divisor):
        return False
    if isinstance(residue, Number) and isinstance(other, Number) and isinstance(modulus, Number) and modulus.value:
        return ((residue.value - other.value) / modulus.value).denominator == 1
    return equal(residue, other)


def _same_ratios(left: Group, right: Group, equal: Equal) -> bool:
    if time_of(left):
        return same_times(left, right)
    if _same_in_order(left.items, right.items, equal):
        return True
    numbers = [item.value for item in (*left.items, *right.items) if isinstance(item, Number)]
    if len(left.items) != len(right.items) or len(numbers) != 2 * len(left.items):
        return False
    a, b = numbers[: len(left.items)], numbers[len(left.items) :]
    return all(a[0] * y == b[0] * x for x, y in zip(a, b, strict=True)) and all(a) and all(b)


def _same_in_order(left: Sequence[Any], right: Sequence[Any], equal: Equal) -> bool:
    return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))


def _same_in_any_order(left: Sequence[Any], right: Sequence[Any], equal: Equal) -> bool:
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
            texts.append(_fraction_text(leaf) if leaf.percent else _number_text(leaf))
            units.append(leaf.unit)
        else:
            texts.append(leaf.text)
            units.append(getattr(leaf, "unit", None))
    if {type(left), type(right)} == {Words, Number} and "e" not in texts:
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
        return str(number.value.numerator) if number.value.denominator == 1 else _fraction_text(number)
    sign = "-" if number.value < 0 else ""
    digits = str(abs(number.value.numerator) * 10**number.places // number.value.denominator).rjust(
        number.places + 1, "0"
    )
    return f"{sign}{digits[: -number.places]}.{digits[-number.places :]}"


def _fraction_text(number: Number) -> str:
    sign = "-" if number.value < 0 else ""
    return f"{sign}\\frac{{{abs(number.value.numerator)}}}{{{number.value.denominator}}}"
