import pytest

from rl.examples.hints import failed_rows, leaks, with_hint
from tests.rl.samples import judged_sample


def one(row, right):
    return judged_sample("c", None if right is None else float(right), index=row, right=right)


def test_only_problems_judged_wrong_throughout_are_drawn_again():
    samples = [one(0, False), one(0, True), one(1, False), one(1, None), one(2, None)]
    assert failed_rows(samples) == [1]


def test_the_hint_goes_into_the_last_message_and_braces_in_a_prompt_stay():
    assert with_hint("what is {x}?", "4", "{prompt} ({gold})") == "what is {x}? (4)"
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "2+2?"}]
    assert with_hint(chat, "4", "{prompt} ({gold})")[-1] == {"role": "user", "content": "2+2? (4)"}


@pytest.mark.parametrize(
    ("completion", "leaked"),
    [
        ("Since the answer is 4, 2+2=4. #### 4", True),
        ("As the hint says, 4", True),
        ("#### 4", True),
        ("2+2=4 #### 4", False),
    ],
)
def test_a_completion_that_speaks_of_the_answer_or_only_repeats_it_leaks(completion, leaked):
    assert leaks(completion, "4") is leaked
