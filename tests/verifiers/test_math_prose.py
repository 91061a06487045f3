"""Mathematical answers in running text, end to end: completion, gold, and the score."""

import pytest

from verifiers.math import verify


@pytest.mark.parametrize(
    ("completion", "gold", "score"),
    [
        ("The answer is 101 in base 2.", "101_2", 1),
        ("So the number is 413 (base 7).", "413_7", 1),
        ("So the number is 413 (base 8).", "413_7", 0),
        ("The answer is $413$ in base seven.", "413_7", 1),
        ("The answer is 0.333....", r"\frac13", 1),
        ("The answer is **0.333...**.", r"\frac13", 1),
        ("It is 0.1666... of the total.", r"\frac16", 1),
        ("The answer is 2 to 3", "2/3", 1),
        ("The answer is 2 to 3", "2", 0),
        ("It's 6 ft 2 in tall", r"74 \text{ inches}", 1),
        ("The odds are 1 in 4", r"\frac14", 1),
        ("The probability is 3 out of 8.", r"\frac38", 1),
        ("The probability is 3 out of 8.", "3", 0),
        ("The train leaves at quarter past three.", "3:15", 1),
        ("It is a quarter to five", "4:45", 1),
        ("It is half past two in the afternoon", "2:30 PM", 1),
        ("It is half past two", "2:15", 0),
        ("So the final answer is: 51 ✅", "51", 1),
        ("It falls on Tuesday", r"\text{Tuesday}", 1),
        ("It falls on Monday, not Tuesday", r"\text{Tuesday}", 0),
        ("It doesn't fall on Tuesday", r"\text{Tuesday}", 0),
        ("The answer is $\\frac{3}{5}$, or 0.6.", "0.6", 1),
    ],
)
def test_the_answer_of_a_sentence_is_read(completion, gold, score):
    assert verify(completion, gold).score == score
