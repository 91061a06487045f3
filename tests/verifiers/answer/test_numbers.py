"""Numbers, their units, and the two readings of a comma."""

from fractions import Fraction

import pytest

from verifiers.answer.agreement import same_number, unit_factor
from verifiers.answer.latex import clean
from verifiers.answer.numbers import Number, commas, compound, parse_number, suffixed


def number(text):
    """The number that a text is."""
    found = parse_number(clean(text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", Fraction(2469, 2)),
        ("1 234,5", Fraction(2469, 2)),
        ("1.234,50", Fraction(2469, 2)),
        ("1.234.567", 1234567),
        ("12,34,567", 1234567),
        ("115'000", 115000),
        ("1_234_567", 1234567),
        ("14{,}916", 14916),
        ("0,25", Fraction(1, 4)),
        ("12,5", Fraction(25, 2)),
        ("1.234", Fraction(1234, 1000)),
        ("3½", Fraction(7, 2)),
        ("2⅜", Fraction(19, 8)),
        ("-2 1/2", Fraction(-5, 2)),
        ("7th", 7),
        ("21^{st}", 21),
        ("34 per cent", Fraction(34, 100)),
        ("$2.5M", 2500000),
        ("3bn", 3 * 10**9),
        ("5 million", 5 * 10**6),
        ("USD 5", 5),
        ("Rs. 450", 450),
        ("5 €", 5),
        ("6.02 x 10^23", 602 * 10**21),
    ],
)
def test_a_number_has_its_value_however_it_is_written(text, value):
    assert number(text).value == value


@pytest.mark.parametrize("text", ["1,23,45", "45k", "1.2.3", "3 thirds", "1/0", "$5$6$", "x"])
def test_what_is_no_plain_number_is_none(text):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "value", "entries", "counts"),
    [
        ("101,110", 101110, ("101", "110"), "number"),
        ("0,1", Fraction(1, 10), ("0", "1"), "list"),
        ("2,5", Fraction(5, 2), ("2", "5"), "list"),
        ("0,25", Fraction(1, 4), ("0", "25"), "both"),
        ("1000,99", Fraction(100099, 100), ("1000", "99"), "both"),
        ("12,34,567", 1234567, ("12", "34", "567"), "both"),
    ],
)
def test_a_comma_has_two_readings_and_a_gold_says_which_counts(text, value, entries, counts):
    found = commas(text)
    assert found is not None and found[0] is not None
    assert (found[0].value, *found[1:]) == (value, entries, counts)


def test_digits_in_other_groups_are_a_list():
    assert commas("3,11,33") == (None, ("3", "11", "33"), "list")
    assert commas("1, 2") is None and commas("12") is None


def test_a_letter_behind_a_number_may_multiply_it():
    assert suffixed("45k") == Number(Fraction(45000))
    assert suffixed("5m") is None  # metres, or a variable


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 hour 30 minutes", (Fraction(3, 2), 90)),
        ("5 feet, 6 inches", (Fraction(11, 2), 66)),
        ("1h 30m", (Fraction(3, 2), 90)),
        ("2 kg and 500 g", (Fraction(5, 2), 2500)),
        ("30 minutes 1 hour", ()),
        ("5 kg 3 hours", ()),
        ("5 apples 3 pears", ()),
    ],
)
def test_a_sum_of_units_is_known_in_each_of_them(text, values):
    assert tuple(part.value for part in compound(text)) == values


@pytest.mark.parametrize(
    ("unit", "wanted", "factor"),
    [
        (("m", "1"), ("cm", "1"), 100),
        (("cm", "2"), ("square", "centimeter", "1"), 1),
        (("cm", "1"), ("cm", "2"), None),
        (("kg", "1"), ("m", "1"), None),
        (("apple", "1"), ("orange", "1"), None),
        (None, ("cm", "1"), 1),
        (("cent", "1"), ("dollar", "1"), Fraction(1, 100)),
    ],
)
def test_units_are_converted_or_do_not_fit(unit, wanted, factor):
    assert unit_factor(unit, wanted) == factor


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("1/3", "0.3333", True),
        ("1/3", "0.333", False),
        ("1/3", "0.3334", False),
        ("1/8", "0.13", False),
        ("3", "2.9999", False),
        ("0.66667", "2/3", True),
        ("28%", "0.28", True),
        ("28%", "28", False),
    ],
)
def test_a_decimal_stands_for_what_it_rounds_by_the_digits_it_shows(gold, answer, equal):
    assert same_number(number(gold), number(answer), digits=4, percent="value") is equal


def test_a_number_with_a_letter_that_multiplies_it_keeps_its_currency():
    number = parse_number(clean("$45k"))
    assert number is not None and (number.value, number.unit) == (45_000, ("dollar", "1"))
