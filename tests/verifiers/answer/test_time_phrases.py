"""The time that a sentence ends with is not what it counts."""

import pytest

from verifiers.answer.time_phrases import without_time
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
    ],
)
def test_the_number_before_the_time_is_the_last_one(completion, gold):
    for name in ("numeric", "math"):
        (verdict,) = Verifier(name)([{"prediction": completion, "gold": gold}])
        assert verdict.right, (name, verdict)


def test_long_texts_take_linear_time():
    text = "1 in " * 20_000 + "3 days"
    assert without_time(text).startswith("1 in 1 in")
