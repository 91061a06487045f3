"""Numbers in words."""

from fractions import Fraction

import pytest

from verifiers.answer.words import number_in_words, with_digits


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("seven", 7, "seven"),
        ("Twenty-one apples", 21, "Twenty-one"),
        ("two thousand three hundred and five", 2305, "two thousand three hundred and five"),
        ("nine hundred ninety-nine thousand", 999_000, "nine hundred ninety-nine thousand"),
        ("a hundred", 100, "a hundred"),
        ("two dozen", 24, "two dozen"),
        ("two thirds of it", Fraction(2, 3), "two thirds"),
        ("a third", Fraction(1, 3), "a third"),
        ("the third floor", 3, "the third"),
        ("half", Fraction(1, 2), "half"),
        ("three and a half hours", Fraction(7, 2), "three and a half"),
        ("two and a half million", 2_500_000, "two and a half million"),
        ("minus five", -5, "minus five"),
        ("one thousand, two hundred", 1200, "one thousand, two hundred"),
        ("one, two hundred", 1, "one"),
        ("seven and eight", 7, "seven"),
        ("one two", 1, "one"),
    ],
)
def test_the_number_that_a_text_begins_with(text, value, words):
    assert number_in_words(text) == (value, words)


@pytest.mark.parametrize("text", ["", "no one", "the cat", "a cat", "hundred", "7", "and five"])
def test_what_begins_with_no_number(text):
    assert number_in_words(text) is None


def test_words_become_digits_where_they_stand():
    assert with_digits("She has twenty-one apples and two pears.") == "She has 21 apples and 2 pears."
    assert with_digits("No one has seven.", pronouns=False) == "No one has 7."
    assert with_digits("half of it") == "(1/2) of it"
