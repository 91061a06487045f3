"""Signs in words are signs, and comparisons are relations: the number in one is no answer by itself."""

import pytest

from verifiers.answer.signs import with_signs, without_arrows
from verifiers.runtime.verifier import Verifier


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("more than 5", "> 5"),
        ("The answer is greater than 5.", "The answer > 5."),
        ("She has fewer than 45 apples", "She has < 45 apples"),
        ("strictly less than $x", "strictly less than $x"),
        ("the profit is larger than $20", "the profit > $20"),
        ("$x$ is greater than 5", "x > 5"),
        ("n must be at most 7", "n ≤ 7"),
        ("x is at least -2", "x ≥ -2"),
        ("y is no less than 3", "y ≥ 3"),
        ("She needs at least 5 boxes", "She needs at least 5 boxes"),
        ("3 more than 5", "3 more than 5"),
        ("no more than 5", "no more than 5"),
        ("2 times more than 5", "2 times more than 5"),
        ("more than half", "more than half"),
    ],
)
def test_comparisons_with_numbers_become_signs_and_differences_do_not(text, signs):
    assert with_signs(text) == signs


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("minus 5", "-5"),
        ("The answer is negative 5", "The answer is -5"),
        ("10 minus 4", "10 minus 4"),
        ("It is 5 degrees below zero.", "It is -5 degrees."),
        ("It rose from $30 to $45.", "It rose to $45."),
        ("from 3 to 5", "from 3 to 5"),
        ("There are no apples left.", "There are 0 left."),
        ("none of them remain", "0 left"),
        ("no more than 5 are left", "no more than 5 are left"),
    ],
)
def test_words_that_change_a_number_become_the_number(text, signs):
    assert with_signs(text) == signs


def test_an_arrow_before_a_number_is_no_sign_of_it():
    assert [without_arrows(text) for text in ("=> 5", "--> -5", "x->5", "x => y")] == [
        "so 5",
        "so -5",
        "x->5",
        "x => y",
    ]


@pytest.mark.parametrize(
    ("completion", "gold", "right"),
    [
        ("The answer is more than 5.", "5", False),
        ("So she has fewer than 45 apples.", "45", False),
        ("less than 5", "5", False),
        ("The answer is at least 5.", "5", True),
        ("Tom has 5 more than 3, so 8.", "8", True),
        ("We need more than 5, so 6.", "6", True),
        ("=> 5", "5", True),
        ("-> 5", "5", True),
    ],
)
def test_a_bound_is_no_number(completion, gold, right):
    for name in ("math", "numeric"):
        (verdict,) = Verifier(name)([{"prediction": completion, "gold": gold}])
        assert verdict.right is right, name


@pytest.mark.parametrize(
    ("completion", "gold"),
    [
        ("So x is at least 5.", r"x \ge 5"),
        ("$x$ must be less than 3", "x<3"),
        ("so $t$ is greater than 2", r"(2, \infty)"),
    ],
)
def test_a_bound_of_a_variable_is_an_inequality(completion, gold):
    (verdict,) = Verifier("math")([{"prediction": completion, "gold": gold}])
    assert verdict.right
