from dataclasses import replace

import pytest

from rl.examples.hints import failed_rows, leaks, right_by_wrong_steps, with_hint, worth_learning
from tests.rl.samples import judged_sample
from verifiers import Step, Verdict


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


def steps(*said):
    scores = {True: 1.0, False: 0.0}
    return tuple(
        Step(place, place + 1, "abstained" if right is None else "judged", None if right is None else scores[right])
        for place, right in enumerate(said)
    )


def drawn(text, *said, hinted=True, right=True):
    return judged_sample(text, float(right), right=right, steps=steps(*said), hinted=hinted)


def test_a_hinted_completion_needs_a_right_step_and_no_wrong_one_where_steps_are_judged():
    plain = [drawn("plain, wrong step", False, hinted=False), drawn("plain, no step", hinted=False)]
    sound = [drawn("right", True, True), drawn("one that nobody could judge", True, None)]
    unsound = [drawn("wrong", True, False), drawn("none judged", None), drawn("no step at all")]
    assert worth_learning([*plain, *unsound, *sound]) == [*plain, *sound]


def test_of_right_answers_the_share_by_wrong_steps_is_told_apart_for_hinted_ones():
    plain = [drawn("a", True, hinted=False), drawn("b", False, hinted=False), drawn("c", True, None, hinted=False)]
    hinted = [drawn("d", False), drawn("e", True), drawn("f", False), drawn("g"), drawn("h", False, right=False)]
    assert right_by_wrong_steps([*plain, *hinted]) == {
        "rounds/right_by_wrong_steps": pytest.approx(1 / 3),
        "rounds/hinted_right_by_wrong_steps": pytest.approx(3 / 4),
    }
    assert right_by_wrong_steps(plain) == {"rounds/right_by_wrong_steps": pytest.approx(1 / 3)}
    assert right_by_wrong_steps([drawn("h", False, right=False)]) == {
        "rounds/right_by_wrong_steps": None,
        "rounds/hinted_right_by_wrong_steps": None,
    }
    assert right_by_wrong_steps([drawn("without steps", hinted=False)]) == {}


def formed(text, rule="cue", *, hinted=False, finish_reason="stop"):
    sample = judged_sample(text, 1.0, hinted=hinted, finish_reason=finish_reason)
    return replace(sample, verdict=Verdict("judged", 1.0, rule=rule))


def test_without_steps_a_hinted_completion_needs_a_form_that_completions_without_a_hint_have():
    plain = [formed("So 2+2=4. The answer is 4.")] * 12 + [formed(" 2+2=4", "line")] * 7 + [formed(", so 4", "line")]
    cut = [formed("+2=4", finish_reason="length")] * 20  # cut off, so they say nothing of how completions look
    usual = [formed("Then 3+1=4: it is 4.", hinted=True), formed("\n3+1=4", "line", hinted=True)]
    another_rule = [formed("3+1=4", "cue", hinted=True), formed("Then 4", "line", hinted=True)]
    from_the_middle = [formed("+2=4", "line", hinted=True), formed("+2=4", hinted=True)]
    assert worth_learning([*plain, *cut, *another_rule, *usual, *from_the_middle]) == [
        *plain,
        *cut,
        *usual,
    ]


@pytest.mark.parametrize(("others", "learnt"), [(19, True), (20, False)])
def test_a_form_is_a_usual_one_from_one_completion_in_twenty(others, learnt):
    hinted = formed("+2=4", hinted=True)
    assert (hinted in worth_learning([formed("2+2=4")] * others + [formed("+1=4"), hinted])) is learnt


def test_braces_in_a_prompt_or_an_answer_stay_as_they_are():
    assert with_hint("{gold}?", "{prompt}", "({gold}) {prompt}") == "({prompt}) {gold}?"
