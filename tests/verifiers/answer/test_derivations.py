"""A derivation comes to its last equation, to the values of a system, or to a list of solutions."""

import pytest

from verifiers import math
from verifiers.answer.derivations import concluded


@pytest.mark.parametrize(
    ("text", "conclusion"),
    [
        ("2x = 16, x = 16/2 = 8", "x = 16/2 = 8"),
        ("x + 3 = 11\nx = 11 - 3\nx = 8", "x = 8"),
        ("1) 3 + 4 = 7\n2) 7 * 2 = 14", "7 * 2 = 14"),
        ("12 * 3\n= 36", "12 * 3\n= 36"),
        ("2x = 4 => x = 2", "x = 2"),
        (r"2x = 4 \Rightarrow x = 2", "x = 2"),
        ("x + y = 5\nx - y = 1\nx = 3\ny = 2", "x = 3, y = 2"),
        ("x = 2\nx = 3", "x = 2, x = 3"),
        ("x = 2, x = 3", "x = 2, x = 3"),
        ("x = 2, y = 3", "x = 2, y = 3"),
        ("3\n4", "3\n4"),
        ("a = 3\nb = 4\na + b = 7", "a + b = 7"),
    ],
)
def test_what_a_derivation_comes_to(text, conclusion):
    assert concluded(text) == conclusion


@pytest.mark.parametrize(
    ("completion", "gold", "right"),
    [
        ("x + 3 = 11\nx = 8", "8", True),
        ("x + 3 = 11\nx = 8", "11", False),
        ("x + y = 5\nx - y = 1\nx = 3\ny = 2", "(3, 2)", True),
        ("x + y = 5\nx - y = 1\nx = 3\ny = 2", "2", False),
    ],
)
def test_math_judges_what_a_derivation_comes_to(completion, gold, right):
    assert math.verify(completion, gold).right is right
