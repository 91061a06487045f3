"""Which number a stated answer, or a text, comes to."""

from fractions import Fraction

import pytest

from tests.work import assert_little_work
from verifiers.arithmetic.quantity import clock, last_quantity, stated_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20 - 5 = 15 apples", 15),
        ("20 - 5", 15),
        ("$20 + $5 = $25", 25),
        ("Total cost = $20 + $5 = $25", 25),
        ("3 1/2 cups", Fraction(7, 2)),
        (r"3\frac{1}{2}", Fraction(7, 2)),
        ("3½", Fraction(7, 2)),
        ("2^10 ways", 1024),
        ("5 million", 5_000_000),
        ("$2.5M", 2_500_000),
        ("45k", 45_000),
        (r"\frac34", Fraction(3, 4)),
        ("1.234,50", Fraction("1234.5")),
        ("1 234,5", Fraction("1234.5")),
        ("12,34,567", 1_234_567),
        (r"14{,}916", 14_916),
        ("0,5", Fraction(1, 2)),
        ("7th", 7),
        ("-$5", -5),
        ("x = -5", -5),
        ("50% of 20", 10),
        ("7, found in 2 steps", 7),
        ("8 because 3 + 5 = 8 and not 9", 8),
        ("the total of 5 and 3, that is 8", 8),
        ("72 (48+24)", 72),
        ("<<48+24=72>>72", 72),
        ("1/2 or 0.5", Fraction(1, 2)),
    ],
)
def test_the_value_of_a_stated_answer(text, value):
    quantity = stated_quantity(text)
    assert quantity is not None and quantity.value == value


@pytest.mark.parametrize(
    "text",
    [
        "7π square inches",
        "7√2",
        r"\sqrt{16}",
        "3, 4",
        "3 or 4",
        "between 3 and 4",
        "3 : 4",
        "3:15 PM",
        "2x",
        "x > 5",
        "v1.2.3",
        "XY2",
        "log(100)",
        "1/0",
        "9" * 60,
        "10^{10^{10}}",
        "(" * 100 + "3" + ")" * 100,
    ],
)
def test_a_number_that_cannot_be_read_has_no_value(text):
    quantity = stated_quantity(text)
    assert quantity is not None and quantity.value is None


def test_a_text_without_a_number_is_none():
    assert stated_quantity("it is clear") is None and last_quantity("it is clear") is None


def test_units_percent_and_compounds():
    hours = stated_quantity("1 hour 30 minutes")
    assert hours is not None and (hours.value, hours.unit, hours.also) == (Fraction(3, 2), "hour", (90,))
    percent = stated_quantity("28 pct")
    assert percent is not None and (percent.value, percent.percent) == (28, True)
    price = stated_quantity("$5 per hour")
    assert price is not None and (price.value, price.unit) == (5, "dollar")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("so 16 - 3 - 4 = 9 eggs", 9),
        ("He makes 9 * 2", 18),
        ("5 apples and 3 oranges", 3),
        ("It is 5.\nThat is all.", 5),
        ("He has seven apples.", 7),
        ("No one has 5.", 5),
    ],
)
def test_the_last_number_of_a_text(text, value):
    quantity = last_quantity(text)
    assert quantity is not None and quantity.value == value


def test_times_of_day():
    assert clock("3:15 PM") == (3, 15, "p") == clock("15:15")
    assert clock("3:15") == (3, 15, "") and clock("3 pm") == (3, 0, "p")
    assert clock("12:05 am") == (0, 5, "a") and clock("315") is None


@pytest.mark.parametrize(
    "text",
    [
        "9" * 10**6,
        "1," * 500_000,
        "1 " * 500_000,
        "(" * 10**6,
        "-" * 10**6,
        "1=" * 500_000,
        "seven " * 200_000,
        "\\frac{" * 200_000,
        "1 hour " * 100_000,
        "a hundred and " * 100_000,
        "1/" * 500_000,
        "1 or " * 200_000,
    ],
)
def test_hostile_text_takes_linear_time(text):
    assert_little_work(lambda: (stated_quantity(text), last_quantity(text)))
