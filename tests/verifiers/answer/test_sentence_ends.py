"""What a sentence ends with is not always what it counts."""

import pytest

from verifiers.answer.sentence_ends import without_circumstance
from verifiers.runtime.verifier import Verifier


@pytest.mark.parametrize(
    ("completion", "gold"),
    [
        ("There are 45 apples left after 3 days.", "45"),
        ("So she spends a total of 34 hours on yoga in 4 weeks.", "34"),
        ("He reads 20 pages in 3 days. So it is 60 pages over the next two weeks.", "60"),
        ("They sold 12 cakes.\nIn all they earn $360 in 30 days", "360"),
        ("They will be done in 3 days.", "3"),
        ("He ate 2 eggs. They will be done in 3 days.", "3"),
        ("The train needs 3 hours.", "3"),
        ("He has 45 apples for 3 children.", "3"),
        ("Therefore, Tom paid a total of $45 for the 3 shirts.", "45"),
        ("She spent 12 dollars for 4 pens.", "12"),
        ("With $20 she can buy food for 4 people.", "4"),
    ],
)
def test_the_number_before_the_time_is_the_last_one(completion, gold):
    for name in ("numeric", "math"):
        (verdict,) = Verifier(name)([{"prediction": completion, "gold": gold}])
        assert verdict.right, (name, verdict)


def test_long_texts_take_linear_time():
    text = "1 in " * 20_000 + "3 days"
    assert without_circumstance(text).startswith("1 in 1 in")
