import pytest

from verifiers.addition import TRACES, gold_prediction, places, verify

PROMPT, GOLD = "128+367=", "495"
WRITTEN = {
    "plain": "495",
    "reversed": "594",
    "simplified": "5,1;9,0;4,0#495",
    "detailed": "128+367,0,:8+7+0=15;12+36,1,5:2+6+1=9;1+3,0,95:1+3+0=4#495",
    "random": "#495",
}


@pytest.mark.parametrize("trace", TRACES)
def test_a_trace_is_written_to_the_character_and_right_step_by_step(trace):
    assert gold_prediction(GOLD, prompt=PROMPT, trace=trace) == WRITTEN[trace]
    verdict = verify(WRITTEN[trace], GOLD, prompt=PROMPT, trace=trace)
    assert (verdict.score, verdict.extracted, verdict.chain_right) == (1.0, GOLD, True)


@pytest.mark.parametrize(
    ("trace", "prediction", "score", "right"),
    [
        ("plain", "594", 0.0, [False]),
        ("reversed", "495", 0.0, [False]),
        ("plain", "", 0.0, [False]),
        ("simplified", "5,0;9,0;4,0#495", 1.0, [False, True, True]),
        ("simplified", "5,1;9,0#495", 1.0, [True, True, False]),
        ("simplified", "5,1;9,0;4,0;0,0#495", 1.0, [True, True, True, False]),
        ("simplified", "5,1;9,0;4,0", 0.0, [True, True, True]),
        ("simplified", "#495", 1.0, [False]),
        ("detailed", "128+367,0,:8+7+0=15;12+36,0,5:2+6+0=8;1+3,0,85:1+3+0=4#485", 0.0, [True, False, False]),
        ("random", "1,0;2,0;3,0#495", 1.0, [True]),
    ],
)
def test_answers_and_steps_are_judged_exactly(trace, prediction, score, right):
    verdict = verify(prediction, GOLD, prompt=PROMPT, trace=trace)
    assert (verdict.score, [step.right for step in verdict.steps]) == (score, right)


def test_a_carry_out_of_the_last_place_and_numbers_of_different_lengths():
    assert gold_prediction("12", prompt="7+5=", trace="simplified") == "2,1#12"
    assert [place.total for place in places("95+7=")] == [12, 10]
    assert gold_prediction("102", prompt="95+7=", trace="detailed") == "95+7,0,:5+7+0=12;9+,1,2:9+0+1=10#102"


def test_the_step_of_a_wrong_answer_is_the_answer():
    (step,) = verify("1,0;2,0;3,0#494", GOLD, prompt=PROMPT, trace="random").steps
    assert (step.start, step.end, step.right) == (12, 15, False)


def test_an_unknown_trace_and_a_prompt_that_is_no_sum_are_named():
    with pytest.raises(ValueError, match=r"expected a trace of plain, .* got trace='back'"):
        verify("495", GOLD, prompt=PROMPT, trace="back")
    with pytest.raises(ValueError, match=r"expected a problem such as '128\+367=', got '1-2='"):
        verify("3", "3", prompt="1-2=")
