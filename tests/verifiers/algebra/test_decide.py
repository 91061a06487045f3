"""What is decided without sympy, and what is left to it."""

import pytest

from verifiers.algebra.decide import decide
from verifiers.answer.values import Unparsable


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("(x+1)^2", "x^2 + 2x + 1", True),
        ("(x+1)^2", "x^2 + 2x + 2", False),
        (r"\frac{x^2-1}{x-1}", "x + 1", True),
        ("|x - 100|", "100 - x", False),
        (r"\sqrt{(x-500)^2}", "500 - x", False),
        (r"\max(x, 1000)", "1000", False),
        ("|x|^2", "x^2", True),
        ("x", "y", False),
        ("1 + 10^{-50}", "1", False),
        (r"\pi", "3.1416", True),
        (r"\pi", "3.1415", False),
        (r"\pi", r"\frac{22}{7}", False),
        ("10^{10^{10}}", "3", False),
        (r"\sqrt{2}", r"\sqrt{3}", False),
        ("e^x", "2^x", False),
        ("x", r"\si'n x", False),
    ],
)
def test_exact_arithmetic_and_bounds_decide(gold, answer, equal):
    assert decide(gold, answer, digits=4) is equal


@pytest.mark.parametrize(
    ("gold", "answer"),
    [(r"\sqrt{8}", r"2\sqrt{2}"), (r"\sin x", r"\cos x"), ("i^2", "-1"), (r"\sum_{k=1}^{3} k", "6")],
)
def test_what_arithmetic_cannot_tell_is_left_to_algebra(gold, answer):
    assert decide(gold, answer, digits=4) is None


def test_a_gold_that_does_not_parse_says_so():
    with pytest.raises(Unparsable):
        decide("1 +", "1", digits=4)
