"""Pairs equal by construction are equal, and pairs that differ in one thing never are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.answer_pairs import KINDS, equal_pairs, near_misses
from verifiers import math
from verifiers.runtime.verifier import Verifier

SHARE = 0.99
"""Of pairs equal by construction, how many must be judged equal: a pair may be written in a way that is ambiguous."""


def judged(pairs):
    verifier = Verifier("math", deadline=10)
    return verifier([{"gold": gold, "prediction": rf"So it is $\boxed{{{answer}}}$."} for _, (gold, answer) in pairs])


def test_pairs_equal_by_construction_are_equal():
    pairs = list(equal_pairs(seed=1, count=30 * len(KINDS)))
    verdicts = judged(pairs)
    assert all(verdict.status == "judged" for verdict in verdicts)
    assert sum(verdict.score == 1.0 for verdict in verdicts) >= SHARE * len(pairs)


def test_no_near_miss_is_equal():
    pairs = list(near_misses(seed=2, count=30 * len(KINDS)))
    equal = [pair for pair, verdict in zip(pairs, judged(pairs), strict=True) if verdict.score != 0.0]
    assert len(pairs) > 1000 and not equal


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_thousands_of_pairs(seed):
    pairs = list(equal_pairs(seed=100 + seed, count=200 * len(KINDS)))
    assert sum(verdict.score == 1.0 for verdict in judged(pairs)) >= SHARE * len(pairs)
    pairs = list(near_misses(seed=200 + seed, count=200 * len(KINDS)))
    assert not [pair for pair, verdict in zip(pairs, judged(pairs), strict=True) if verdict.score != 0.0]


def one_changed(text, at, character):
    return text[:at] + character + text[at + 1 :]


@given(st.text("0123456789", min_size=1, max_size=9), st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_digit_is_another_number(digits, data):
    at = data.draw(st.integers(0, len(digits) - 1))
    other = one_changed(digits, at, data.draw(st.sampled_from([d for d in "0123456789" if d != digits[at]])))
    for shape in ("{}", r"\boxed{{{}}}", "The answer is {}.", "The answer is ${}.", "so we have {} apples"):
        assert math.verify(shape.format(other), digits).score == float(int(other) == int(digits))


NAMES = [r"\sin x", r"\sqrt{2}", r"\log_2 10", r"\arctan(x)", r"\frac{1}{x}+1", r"\lfloor x \rfloor", r"\binom{n}{2}"]


@given(st.sampled_from(NAMES), st.integers(0, 20), st.sampled_from("abxyz0123456789\"'@#~;?&%"))
@settings(max_examples=300, deadline=None)
def test_a_character_inside_the_name_of_a_function_is_never_dropped(expression, at, character):
    name = expression[: next(i for i, c in enumerate(expression) if i and not c.isalpha())]
    at = 2 + at % (len(name) - 2)  # behind the first letter and before the last
    assert math.verify(rf"\boxed{{{expression[:at] + character + expression[at:]}}}", expression).score == 0.0


@given(st.fractions(min_value=-50, max_value=50, max_denominator=60), st.integers(4, 9), st.integers(-9, 9))
@settings(max_examples=300, deadline=None)
def test_only_the_decimal_that_rounds_a_fraction_stands_for_it(value, places, off):
    unit = 10**places
    rounded = round(value * unit)
    decimal = f"{(rounded + off) / unit:.{places}f}"
    exact = (rounded + off) == value * unit
    terminates = (10**12 * value).denominator == 1
    shown = len(decimal.replace(".", "").replace("-", "").lstrip("0")) >= 4
    expected = exact or (off == 0 and not terminates and shown)
    assert math.verify(decimal, f"{value.numerator}/{value.denominator}").score == float(expected)
