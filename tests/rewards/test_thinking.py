"""Drafts in the reasoning are not answers, for every reward that reads an answer or a rationale."""

import pytest

from rewards.correctness import Correctness
from rewards.format import Format
from rewards.length import CosineLength
from rewards.parts.rationale import RationaleLayout
from rewards.steps import Steps
from verifiers.answer.completion import spoken
from verifiers.runtime.verifier import Verifier

COLUMNS = {
    "choices": [[{"label": "A", "text": "3"}, {"label": "B", "text": "4"}]],
    "numbers": [["2", "2"]],
}


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("4", "4"),
        ("<think>3</think>4", "4"),
        ("<think>3", ""),
        ("<think>3 <think>4", ""),
        ("3</think>4", "4"),
        ("<think>1</think>2<think>3</think>4", "4"),
        ("<think>1</think>2<think>3", "2"),
        ("1<thinking>3", "1"),
        ("[THINK]3[/THINK]4", "4"),
        ("<THINK>3", ""),
        ("<think>", ""),
    ],
)
def test_what_is_said_outside_of_thinking(text, outside):
    start, end = spoken(text)
    assert text[start:end] == outside


@pytest.mark.parametrize(
    ("verifier", "answer", "gold"),
    [
        ("math", "The answer is 4.", "4"),
        ("numeric", "The answer is 4.", "4"),
        ("exact", "The answer is 4", "4"),
        ("choice", "The answer is (B).", "B"),
        ("boolean", "The answer is yes.", "yes"),
        ("countdown", "2+2", "4"),
        ("steps", "2+2=4", "4"),
        ("chain", "2+2=4#4", "4"),
    ],
)
def test_an_unfinished_thought_does_not_earn_the_score_of_an_answer(verifier, answer, gold):
    reward = Correctness(Verifier(verifier))
    finished, unfinished = (reward(["2+2?"], [text], gold=[gold], **COLUMNS) for text in (answer, f"<think>{answer}"))
    assert finished == [1.0]
    assert unfinished in ([0.0], [None])


def test_a_length_reward_does_not_take_an_unfinished_thought_for_right():
    reward = CosineLength(Correctness(Verifier("math")), 10, unit="words")
    right, draft, wrong = reward(["2+2?"] * 3, ["It is 4.", "<think> is 4.", "It is 5."], gold=["4"] * 3)
    assert draft == wrong != right


def test_a_marker_inside_of_thinking_ends_no_rationale():
    layout = RationaleLayout(marker="Answer:")
    assert not layout.split("<think>a. Answer: 4").marked
    assert not layout.split("<think>a. Answer: 4</think> b").marked
    assert layout.split("<think>a. Answer: 3</think>b. Answer: 4") == ("<think>a. Answer: 3</think>b.", " 4", True)
    assert layout.split("a. Answer: 4 <think>Answer: 5") == ("a.", " 4 ", True)


def test_steps_and_form_are_looked_at_in_thinking_too():
    assert Steps(Verifier("steps"))(["2 and 2"], ["<think>\n2+2=4 so"], gold=["4"]) == [1.0]
    assert Format({"tags": ["think"]})([""], ["<think>a</think>"]) == [1.0]
