import pytest

from verifiers.zip import gold_prediction, successor, verify

PROMPT, GOLD, CHAIN = "101&011", "100111", ">01&11:10>1&1:1001>100111"


def right(prediction):
    return [step.right for step in verify(prediction, GOLD, prompt=PROMPT).steps]


def test_a_whole_chain_is_right_step_by_step():
    verdict = verify(CHAIN, GOLD, prompt=PROMPT)
    assert (verdict.score, verdict.extracted, verdict.chain_right) == (1.0, GOLD, True)
    assert [CHAIN[step.start : step.end] for step in verdict.steps] == [">01&11:10", ">1&1:1001", ">100111"]


def test_a_right_end_after_a_wrong_state_is_a_right_answer_by_a_wrong_chain():
    verdict = verify(">00&11:10>1&1:1001>100111", GOLD, prompt=PROMPT)
    assert verdict.score == 1.0 and verdict.chain_right is False


def test_a_step_is_judged_by_the_state_that_is_written_before_it():
    assert right(">00&00:10>0&0:1000>100000") == [False, True, True]


@pytest.mark.parametrize("prediction", ["", ">01&11:10", ">01&11:10>1&1:1001"])
def test_a_chain_that_ends_too_early_has_a_wrong_step_at_its_end(prediction):
    verdict = verify(prediction, GOLD, prompt=PROMPT)
    assert (verdict.score, verdict.steps[-1].reason) == (0.0, "the chain ends too early")


def test_states_after_the_last_and_what_is_no_state_are_wrong():
    assert right(CHAIN + ">100111") == [True, True, True, False]
    assert right("x>1&1:1001>100111") == [False, False, True]


def test_the_gold_chain_is_accepted_and_uneven_strings_have_no_successor():
    assert gold_prediction(GOLD, prompt=PROMPT) == CHAIN
    assert successor("1&0") == "10" and successor("10") is None and successor("11&0") is None
