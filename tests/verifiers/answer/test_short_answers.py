"""Short sentences say yes or no without either word, and longer ones do not."""

import pytest

from verifiers.answer.short_answers import letter_answer, opening, short_answer


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Of course!", True),
        ("Of course not.", False),
        ("It isn't.", False),
        ("They can.", True),
        ("It is not possible.", False),
        ("So it is unlikely.", False),
        ("I don't think so", False),
        ("The statement does not hold.", False),
        ("The claim holds true.", True),
        ("Yes, and yes.", True),
        ("No, no, no!", False),
        ("It is a dog.", None),
        ("They can fly.", None),
        ("Wrong answers are common.", None),
        ("", None),
    ],
)
def test_a_short_answer_is_read_only_where_the_sentence_is_nothing_else(sentence, said):
    assert short_answer(sentence) is said


def test_letters_and_openings():
    assert [letter_answer(text) for text in ("T", "n.", "1", "0", "x", "10")] == [True, False, True, False, None, None]
    assert [opening(text) for text in ("No way, it is too heavy", "Absolutely, it is", "It is")] == [False, True, None]
