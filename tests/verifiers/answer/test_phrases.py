"""Words around an answer that do not change it, and words that do."""

import pytest

from verifiers.answer.phrases import bare, choice_label, spoken


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\text{the answer is } 12", "12"),
        ("about 25", "25"),
        ("approximately 3.3", "3.3"),
        (r"5 \text{ (only solution)}", "5"),
        ("7 (seven)", "7"),
        (r"\text{all integers } n \ge 4", r"n \ge 4"),
        (r"\text{minimum value: } 12", "12"),
        (r"12 \text{ only}", "12"),
        ("there is no solution", "no solution"),
        ("all real numbers", "all real numbers"),
        ("at least 5", "at least 5"),
        ("not 4", "not 4"),
        (r"5 \pmod{7}", r"5 \pmod{7}"),
        ("f(abc)", "f(abc)"),
    ],
)
def test_only_words_that_change_nothing_are_dropped(text, answer):
    assert bare(text) == (answer, "")


def test_a_condition_is_set_apart():
    assert bare(r"f(x) = 3x \text{ for all } x") == ("f(x) = 3x", "x")
    assert bare(r"x = 2k \text{ where } k \in \mathbb{Z}") == ("x = 2k", r"k \in \mathbb{Z}")
    assert bare(r"x = 2k \text{ for some integer k}") == ("x = 2k", "integer k")


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("seven", "7"),
        (r"\text{forty-two}", "42"),
        ("one hundred and twenty", "120"),
        ("twelve apples", "12 apples"),
        ("two thirds", r"\frac{2}{3}"),
        ("third", "3"),
        ("east", "east"),
        ("no solution", "no solution"),
        ("7 apples", "7 apples"),
    ],
)
def test_numbers_in_words_become_digits(text, digits):
    assert spoken(text) == digits


@pytest.mark.parametrize(
    ("text", "label"), [("B. 12", "B"), (r"\text{(C) } 15", "C"), ("(D) x", "D"), ("B", None), ("x", None)]
)
def test_a_choice_with_its_content_has_a_label(text, label):
    assert choice_label(text) == label
