"""Exact values and bounds: never wrong, never huge."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from verifiers.algebra.bounds import MAX_BITS, Undefined, Unknown
from verifiers.algebra.exact import evaluate
from verifiers.algebra.syntax import parse


def bounds(text):
    return evaluate(parse(text))


def ends(text, **values):
    """The two ends of a number's bounds, which must be finite."""
    found = evaluate(parse(text), values)
    assert found.low is not None and found.high is not None
    return found.low, found.high


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\pi", math.pi),
        ("e", math.e),
        (r"\sqrt{2}", math.sqrt(2)),
        (r"\sqrt[5]{7}", 7 ** (1 / 5)),
        ("e^{-3}", math.exp(-3)),
        ("2^{0.3}", 2**0.3),
        (r"\ln 10", math.log(10)),
        (r"\log_3 7", math.log(7, 3)),
        (r"\frac{1 + \sqrt{5}}{2}", (1 + math.sqrt(5)) / 2),
        (r"\pi^2 - e^2", math.pi**2 - math.e**2),
        ("exp(1.5)", math.exp(1.5)),
    ],
)
def test_the_bounds_of_an_irrational_number_hold_its_value(text, value):
    low, high = ends(text)
    assert low < high and high - low < Fraction(1, 10**8)
    assert float(low) <= value * (1 + 1e-14) and float(high) >= value * (1 - 1e-14)


@pytest.mark.parametrize(
    "text", ["10^{10^{10}}", "9^9^9^9", "(10^9)!", r"\binom{10^9}{5^9}", "(7^{10^6})^{10^6}", "2^{2^{100}} - 5"]
)
def test_a_huge_number_is_known_to_be_huge(text):
    found = bounds(text)
    assert found.high is None and found.low is not None and found.low > 10**1000


@pytest.mark.parametrize("text", ["10^{-10^{10}}", r"\frac{1}{9^9^9}", "0.5^{10^{12}}"])
def test_a_tiny_number_is_known_not_to_be_zero(text):
    found = bounds(text)
    assert found.positive and found.high is not None and found.high < Fraction(1, 10**1000)
    assert found.differs(bounds("0")) and not found.differs(bounds(text))


def test_no_end_of_a_bound_has_more_bits_than_are_kept():
    for text in ("3^{3^7}", r"\frac{7^{9999}}{5^{9999}} + \sqrt{2}", "1000!", r"e^{9000}"):
        for end in ends(text):
            assert end.numerator.bit_length() <= MAX_BITS and end.denominator.bit_length() <= MAX_BITS


@pytest.mark.parametrize("text", ["1/0", "0^{-1}", r"\sqrt{-2}", r"\ln 0", "(-2)^{1/2}", r"\frac{1}{9^9^9 - 9^9^9}"])
def test_what_has_no_real_value_is_undefined(text):
    with pytest.raises(Undefined):
        bounds(text)


@pytest.mark.parametrize("text", ["x", "i", r"\tan 1", "f(2)", "(1/2)!", r"\frac{1}{9^9^9 - 9^9^8}"])
def test_what_is_not_evaluated_here_is_unknown(text):
    with pytest.raises(Unknown):
        bounds(text)


@given(st.fractions(max_denominator=40), st.fractions(max_denominator=40), st.integers(-6, 6))
@settings(max_examples=200, deadline=None)
def test_rational_functions_are_exact(x, y, n):
    assume(x != 0 and y != 0 and x + y != 0)
    tree = parse(rf"\frac{{x^{{{n}}} - 2xy}}{{x + y}} + |x - y|")
    assert evaluate(tree, {"x": Fraction(x), "y": Fraction(y)}).exact == (x**n - 2 * x * y) / (x + y) + abs(x - y)


@given(st.fractions(min_value=0, max_value=10**6), st.integers(2, 6))
@settings(max_examples=200, deadline=None)
def test_a_root_lies_between_its_bounds(value, degree):
    low, high = ends(rf"\sqrt[{degree}]{{x}}", x=value)
    assert low**degree <= value <= high**degree
