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
        ("Each gets 6, since 24 / 4 = 6 and 24 were bought.", "6"),
        ("The rest is 5 if 29 is divided by 8.", "5"),
        ("If 29 is divided by 8, the rest is 5, so we need 3 more.", "3"),
        ("He gave 4 away because he had 12, so he has 8.", "8"),
        ("With $20 she can buy food for 4 people.", "4"),
        ("The total cost is $24 for 6 pens at $4 each.", "24"),
        ("She sold 12 of them at $5 each.", "5"),
        ("He has 7 left after giving away 5 of his 12 apples.", "7"),
        ("There were 24 of them, 10 of whom were girls, which means 14 were boys.", "14"),
        ("The price is $60 after a 20% discount.", "60"),
        ("After the sale he had 9 left, and after that he had 8.", "8"),
        ("She pays $60 instead of the usual $80.", "60"),
        ("The number of marbles is 45, up from 30.", "45"),
        ("So Ann ate 7 more cookies than the 8 that Ben ate.", "7"),
        ("18 of 20 students passed", "18"),
        ("He had walked 8 miles by 5 pm.", "8"),
        ("They have 5 + 3 = 8 apples, enough for 4 people.", "8"),
        ("Together they have 8: 5 from Ann and 3 from Ben.", "8"),
        ("Here are the counts: 5 from Ann and 3 from Ben.", "3"),
        ("There were 9: 5 from Ann and 3 from Ben.", "3"),
        ("8 is the sum of 5 and 3", "8"),
        ("The result is 14. (Check: 14 / 2 = 7.)", "14"),
        ("The result is 14. We check: 14 / 2 = 7, which is right.", "14"),
        ("1. Add 3 and 4 to get 7.\n2. Double 7 to get 14.\n3. Done.", "14"),
        ("8, as Ann has 5 and Ben 3.", "8"),
        ("8 - Ann has 5 and Ben 3.", "8"),
    ],
)
def test_the_number_before_the_time_is_the_last_one(completion, gold):
    for name in ("numeric", "math"):
        (verdict,) = Verifier(name)([{"prediction": completion, "gold": gold}])
        assert verdict.right, (name, verdict)


def test_long_texts_take_linear_time():
    text = "1 in " * 20_000 + "3 days"
    assert without_circumstance(text).startswith("1 in 1 in")
