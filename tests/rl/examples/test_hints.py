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
        ("The answer is 4.", True),
        (" : 4 .\n", True),
        ("= 4", True),
        ("2+2=4 #### 4", False),
        ("4 apples and no more: 4", False),
    ],
)
def test_a_completion_that_speaks_of_the_answer_or_only_repeats_it_leaks(completion, leaked):
    assert leaks(completion, "4") is leaked


@pytest.mark.parametrize("gold", ["XIV", "IX"])
def test_an_answer_of_letters_alone_leaks_too(gold):
    assert leaks(gold, gold) and leaks(f"{gold}.", f" {gold} ")


def test_the_turns_before_the_last_stay_as_they_are():
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4"},
    ]
    last = {"role": "user", "content": "3+3?", "name": "ann"}
    assert with_hint([*turns, last], "6", "{prompt} ({gold})") == [*turns, {**last, "content": "3+3? (6)"}]
