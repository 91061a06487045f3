"""Whether a decimal is a value rounded."""

from fractions import Fraction

import pytest

from verifiers.answer.agreement import rounds


@pytest.mark.parametrize(
    ("short", "value", "right"),
    [
        ("0.12", "1/8", True),
        ("0.13", "1/8", True),
        ("0.14", "1/8", False),
        ("0.33", "1/3", True),
        ("0.34", "1/3", False),
    ],
)
def test_a_half_may_be_rounded_either_way_and_nothing_else_may(short, value, right):
    assert rounds(Fraction(short), Fraction(value), 2) is right
