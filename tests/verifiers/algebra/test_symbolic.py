"""Algebra with sympy: identities hold, near misses do not, and nothing is repaired on the way in."""

import pytest

from verifiers.algebra.convert import TooLarge, read
from verifiers.algebra.symbolic import equal
from verifiers.answer.values import Unparsable


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"\tan^2 y + 1", r"\sec^2 y"),
        (r"\sqrt{5 + 2\sqrt{6}}", r"\sqrt{2} + \sqrt{3}"),
        (r"\sqrt{x}\sqrt{y}", r"\sqrt{xy}"),
        (r"\ln(x^2)", r"2 \ln x"),
        (r"e^{i\pi}", "-1"),
        (r"\frac{1+i}{\sqrt{2}}", r"e^{i\pi/4}"),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
        (r"\sum_{k=1}^{10} k", "55"),
        (r"\int_0^1 x^2 \, dx", r"\frac{1}{3}"),
        (r"\frac{\cos(2^{200}x)}{2^{200}}", r"2^{-200} \cos(2^{200}x)"),
    ],
)
def test_identities_hold(gold, answer):
    assert equal(gold, answer, False, digits=4)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("e^{-100}", "e^{-101}"),
        (r"\sqrt{2}", r"\sqrt{2} + 10^{-200}"),
        (r"\sin(10^{-30})", "0"),
        (r"\frac{\cos(2^{200}x)}{2^{200}}", r"\frac{\sin(2^{200}x)}{2^{200}}"),
        (r"\sin x", r"\sin x + 10^{-60}"),
        (r"\cos 2x", r"1 - 2\cos^2 x"),
        ("2 + 3i", "2 - 3i"),
    ],
)
def test_values_that_differ_by_little_are_different(gold, answer):
    assert not equal(gold, answer, False, digits=4)


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("2x + y < 3", "-4x - 2y > -6", True),
        ("2x + y < 3", "2x + y > 3", False),
        ("2x + y < 3", r"2x + y \le 3", False),
        (r"x \ne 5", r"y \ne 5", False),
        (r"x^2 \ge 4", r"y^2 \ge 4", False),
        ("x^2 > 4", r"(-\infty, -2) \cup (2, \infty)", True),
        (r"1 \le |x| \le 2", r"[-2, -1] \cup [1, 2]", True),
        (r"\mathbb{R} \setminus \{1\}", r"(-\infty, 1) \cup (1, \infty)", True),
        ("y = 2x + 1", "2x - y + 1 = 0", True),
        ("y = 2x + 1", "2x - y = 1", False),
    ],
)
def test_relations_are_compared_with_their_variables_and_signs(gold, answer, same):
    assert equal(gold, answer, True, digits=4) is same


@pytest.mark.parametrize(
    "text", [r"\sum_{k=1}^{3} k'", r"\foo \sum_{k=1}^{3} k", r'\int "x" dx', r"\lim_{x \to 0} $x$"]
)
def test_the_larger_grammar_gets_only_what_it_knows(text):
    with pytest.raises(Unparsable):
        read(text)


def test_a_number_that_nothing_can_compute_is_refused_at_once():
    with pytest.raises(TooLarge):
        read("x + 9^{9^{9^9}}")
