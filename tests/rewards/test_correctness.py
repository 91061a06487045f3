import numpy as np
import pytest

from rewards.correctness import Correctness, build
from rewards.parts.context import Context
from verifiers.runtime.verifier import Verifier

PROMPTS = ["7*3-4+8?", "1+1-2?"]
COMPLETIONS = ["7*3=1;1-4=7;7+8=5#5", "1+1=2#2"]


def test_the_value_is_the_verifiers_score_and_the_steps_come_along():
    scores = Correctness(Verifier("chain")).score(PROMPTS, COMPLETIONS, [[], []], gold=["5", "0"])
    assert scores.values == [1.0, 0.0]
    assert [step.score for step in scores.steps[0]] == [1.0, 1.0, 1.0]
    assert [step.score for step in scores.steps[1]] == [1.0, 0.0]
    assert scores.columns["extracted"] == ["5", "2"]


def test_it_has_trls_signature():
    reward = Correctness(Verifier("chain"))
    values = reward(
        prompts=PROMPTS, completions=COMPLETIONS, completion_ids=[[], []], gold=["5", "0"], trainer_state=object()
    )
    assert values == [1.0, 0.0] and reward.__name__ == "correctness"


def test_chat_messages_are_judged_by_their_text():
    prompts = [[{"role": "system", "content": "Work."}, {"role": "user", "content": PROMPTS[0]}]]
    completions = [[{"role": "assistant", "content": COMPLETIONS[0]}]]
    assert Correctness(Verifier("chain"))(prompts, completions, gold=["5"]) == [1.0]


def test_a_broken_verifier_abstains_and_is_counted():
    # no problem to check against: the verifier breaks on it
    scores = Correctness(Verifier("chain")).score(["?"], ["1+1=2#2"], [[]], gold=["2"])
    assert scores.values == [None] and "ValueError" in scores.failures[0]


def test_without_a_name_the_tasks_own_verifier_judges():
    verifier = Verifier("chain")
    assert build("correctness", {}, Context(verifier)).verifier is verifier


@pytest.mark.parametrize(
    ("verifier", "gold", "marked", "elsewhere", "columns"),
    [
        ("math", "12", r"3+9, so \boxed{12}.", "so it is 12", {}),
        ("numeric", "12", "So the answer is 12.", "3+9 makes 12", {}),
        ("boolean", "no", "<answer>no</answer>", "No.", {}),
        ("exact", "a heron", "#### a heron", "a heron", {}),
        ("choice", "B", "The answer is (B).", "(B)", {"choices": [["koba", "quell"]]}),
        ("choice", "B", "The answer is quell.", "quell", {"choices": [["koba", "quell"]]}),
        ("countdown", "24", "<answer>4*6</answer>", "4*6", {"numbers": [[4, 6]]}),
    ],
)
def test_strict_takes_only_an_answer_in_the_asked_form(verifier, gold, marked, elsewhere, columns):
    def value(strict, text):
        settings = {"verifier": verifier, "options": {"strict": strict}}
        return build("correctness", settings, Context(Verifier("chain")))(["?"], [text], gold=[gold], **columns)

    assert value(False, marked) == value(False, elsewhere) == value(True, marked) == [1.0]
    assert value(True, elsewhere) == [0.0]


def test_strict_judges_what_is_marked_and_not_what_is_said_after_it():
    reward = build("correctness", {"verifier": "boolean", "options": {"strict": True}}, Context(Verifier("chain")))
    assert reward(["?"], ["<answer>no</answer> Or yes?"], gold=["no"]) == [1.0]


def test_strict_with_the_tasks_own_verifier_keeps_its_options():
    task = Context(Verifier("numeric", absolute=0.5))
    reward = build("correctness", {"options": {"strict": True}}, task)
    assert reward(["?"] * 2, ["The answer is 11.6", "11.6"], gold=["12"] * 2) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("verifier", "options", "message"),
    [
        ("chain", {"strict": True}, "verifier 'chain' has no option 'strict'"),
        ("countdown", {"strict": "yes"}, "strict is of type bool, not 'yes'"),
        ("numeric", {"strict": "yes"}, "strict is of type bool, not 'yes'"),
        ("math", {"strict": "yes"}, "strict is of type bool, not 'yes'"),
        ("math", {"digits": 0}, "digits is a whole number from 1 on, not 0"),
    ],
)
def test_an_option_or_value_that_its_verifier_does_not_take_is_refused(verifier, options, message):
    with pytest.raises(ValueError, match=message):
        build("correctness", {"verifier": verifier, "options": options}, Context(Verifier("chain")))


def test_a_column_may_be_a_list_a_tuple_or_an_array_of_one_length():
    reward = Correctness(Verifier("exact"))
    for gold in (["4", "4"], ("4", "4"), np.array(["4", "4"])):
        assert reward(["p", "p"], ["4", "5"], gold=gold) == [1.0, 0.0]
    with pytest.raises(ValueError, match="the column 'gold' has 1 values for 2 completions"):
        reward(["p", "p"], ["4", "5"], gold=["4"])
    with pytest.raises(ValueError, match="needs a column 'gold'"):
        reward(["p", "p"], ["4", "5"])
