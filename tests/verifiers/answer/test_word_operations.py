"""A stated answer that is an operation in words is what the operation comes to, never the number that it is made of."""

import pytest

from tests.work import assert_little_work
from verifiers.answer.word_operations import with_operations
from verifiers.runtime.verifier import Verifier

READ = [
    ("twice 9", r"2 \times 9"),
    ("three times 6 apples", r"3 \times 6 apples"),
    ("half of 36", "36 / 2"),
    ("two thirds of 27", r"2 \times 27 / 3"),
    ("4 less than 22", "22 - 4"),
    ("4 more than 14", "14 + 4"),
    ("the square root of 324", r"\sqrt{324}"),
    ("the reciprocal of 18", "1/18"),
    ("a multiple of 18", "18n"),
    ("divisible by 18", "18n"),
    ("above 18", "> 18"),
    ("below $18", "< $18"),
    ("5 factorial", "(5!)"),
    ("10 choose 3", r"\binom{10}{3}"),
]


@pytest.mark.parametrize(("text", "formula"), READ)
def test_an_operation_in_words_becomes_a_formula(text, formula):
    assert with_operations(text) == formula


@pytest.mark.parametrize(
    "text", ["half of 36, that is 18", "18, which is twice 9", "18", "18 more than 2 years ago", "half of the 36 cows"]
)
def test_what_is_more_than_an_operation_stays(text):
    assert with_operations(text) == text


@pytest.mark.parametrize("verifier", ["numeric", "math"])
@pytest.mark.parametrize(
    "operation",
    ["twice 18", "half of 18", "the square root of 18", "the square of 18", "a multiple of 18", "a factor of 18",
     "divisible by 18", "18 less than 40", "18 more than 40", "the negative of 18", "above 18", "under 18",
     "18 choose 2"],
)  # fmt: skip
def test_the_number_that_an_answer_is_made_of_is_not_the_answer(verifier, operation):
    (verdict,) = Verifier(verifier)([{"prediction": f"The answer is {operation}.", "gold": "18"}])
    assert verdict.score == 0.0


@pytest.mark.parametrize("verifier", ["numeric", "math"])
@pytest.mark.parametrize(
    "operation", ["twice 9", "half of 36", "a third of 54", "4 less than 22", "three times 6", "half of 36, that is 18"]
)
def test_what_an_operation_comes_to_is_the_answer(verifier, operation):
    (verdict,) = Verifier(verifier)([{"prediction": f"The answer is {operation}.", "gold": "18"}])
    assert verdict.score == 1.0


@pytest.mark.parametrize("text", ["half of 3" * 10, "twice " * 20 + "9", "the square of 1" + "1" * 100 + " a" * 8])
def test_hostile_text_takes_little_work(text):
    assert_little_work(lambda: with_operations(text))
