"""Where the mathematics stands in running text."""

import pytest

from verifiers.answer.latex import CURRENCY
from verifiers.answer.money import mask_money
from verifiers.answer.runs import runs


def found(text, *, stated=False):
    masked = mask_money(text)
    return [masked[run.start : run.end].replace(CURRENCY, "$") for run in runs(masked, stated=stated)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20 - 5 = 15 apples", ["20 - 5 = 15 apples"]),
        ("3 1/2 cups", ["3 1/2 cups"]),
        ("7π square inches in all", ["7π square inches"]),
        ("2^10 ways to do so", ["2^10"]),
        ("10! ways in all of these", ["10!"]),
        ("4 boxes x 5 apples = 20 apples.", ["4 boxes x 5 apples = 20 apples"]),
        ("3 + 4x for all x", ["3 + 4x"]),
        ("x ≤ -2 or x ≥ 2", ["x ≤ -2 or x ≥ 2"]),
        ("x = 3, y = 4", ["x = 3, y = 4"]),
        ("$x = 2$ or $x = 3$", ["$x = 2$ or $x = 3$"]),
        ("3:15 PM", ["3:15 PM"]),
        ("5 million people", ["5 million people"]),
        ("1 hour and 30 minutes", ["1 hour and 30 minutes"]),
        ("2, 3 and 5", ["2, 3 and 5"]),
        ("8 because 3 + 5 = 8 and not 9", ["8", "3 + 5 = 8", "9"]),
        ("(1,2),(3,4)", ["(1,2),(3,4)"]),
        ("7 (seven)", ["7"]),
        ("1.234,50", ["1.234,50"]),
        ("$2.5M", ["$2.5M"]),
        ("Rs. 450", ["Rs. 450"]),
    ],
)
def test_a_stated_answer_is_one_run(text, expected):
    assert found(text, stated=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two tickets cost $15 and the drink is $4, so she pays $34.00.", ["$15", "$4", "$34.00"]),
        ("She has 5 cats and 2 dogs", ["5", "2"]),
        ("The solutions are 2, 3 and 5.", ["2, 3 and 5"]),
        ("On day 1, 5 apples fall", ["1", "5"]),
        ("The pole is 12 ft tall.", ["12 ft"]),
        ("The line is $y = -x/3 + 2$.", ["$y = -x/3 + 2$"]),
        ("The ratio is 3 to 4.", ["3 to 4"]),
        ("see XY2K and v1.2.3 of it", []),
        ("He has 3 apples (2 red).", ["3", "2"]),
        ("So there are 7!", ["7"]),
        ("(x+1)^2=4 gives x=1 or x=-3", ["(x+1)^2=4", "x=1 or x=-3"]),
        ("Hence\n\\[\n18\n\\]", ["\\[\n18\n\\]"]),
    ],
)
def test_runs_of_a_sentence_end_where_its_words_go_on(text, expected):
    assert found(text) == expected


def test_a_dollar_is_money_where_it_delimits_no_formula():
    assert mask_money("$5 and $6") == f"{CURRENCY}5 and {CURRENCY}6"
    assert mask_money("it is $5$ or $x$") == "it is $5$ or $x$"
    assert mask_money("costs $5") == f"costs {CURRENCY}5"
