"""What counts as the text of a prompt and of a completion."""

import pytest

from rewards.correctness import Correctness
from rewards.reward import question_of, text_of
from verifiers.runtime.verifier import Verifier


def said(content, role="assistant", **more):
    return {"role": role, "content": content, **more}


CALL = said(None, tool_calls=[{"function": {"name": "add"}}])


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("4", "4"),
        ([said("4")], "4"),
        ([said("4"), said("5", "tool")], "4"),
        ([said("4"), said("no, 5", "user")], "4"),
        ([said("3"), said("5", "tool"), said("4")], "4"),
        ([said("4"), CALL], "4"),
        ([said("4"), CALL, said("5", "tool")], "4"),
        ([said("4"), said(" \n")], "4"),
        ([CALL, said("5", "tool")], ""),
        ([said("5", "tool")], ""),
        ([], ""),
        ([said([{"type": "text", "text": "It is "}, {"type": "text", "text": "4"}])], "It is 4"),
        ([said([{"type": "thinking", "thinking": "5"}, {"type": "text", "text": "4"}])], "4"),
        ([said([{"type": "reasoning", "text": "5"}, {"type": "image", "url": "x"}, "4"])], "4"),
        ([said("4", reasoning_content="5")], "4"),
        ([{"content": "4"}], "4"),
        ([{"role": "assistant"}], ""),
    ],
)
def test_the_assistants_own_last_words_are_the_completion(completion, text):
    assert text_of(completion) == text


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("1+1?", "1+1?"),
        ([said("Add.", "system"), said("1+1?", "user")], "1+1?"),
        ([said("1+1?", "user"), said("2"), said("2+2?", "user")], "2+2?"),
        ([said("1+1?", "user"), CALL, said("2", "tool")], "1+1?"),
        ([said("1+1?", "system")], "1+1?"),
        ([said([{"type": "text", "text": "1+1?"}], "user")], "1+1?"),
        ([], ""),
    ],
)
def test_the_users_last_words_are_the_question(prompt, text):
    assert question_of(prompt) == text


def test_a_tools_result_earns_nothing():
    right, wrong = [said("It is 5."), said("4", "tool")], [said("It is 4."), said("5", "tool")]
    assert Correctness(Verifier("math"))(["2+2?"] * 2, [right, wrong], gold=["4", "4"]) == [0.0, 1.0]
