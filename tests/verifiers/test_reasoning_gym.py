import json

import pytest

from verifiers.reasoning_gym import answer_of, gold_prediction, verify

METADATA = {"numbers": [4, 7, 8, 8], "target": 24, "expression": "(7 - 8/8)*4"}


def test_the_scorer_of_the_data_set_decides():
    right = verify("I think <answer>(7 - 8/8)*4</answer>", "", source_dataset="countdown", metadata=METADATA)
    assert (right.status, right.score, right.extracted) == ("judged", 1.0, "(7 - 8/8)*4")
    wrong = verify("<answer>4+7</answer>", "", source_dataset="countdown", metadata=json.dumps(METADATA))
    assert wrong.status == "judged"
    assert wrong.score is not None
    assert wrong.score < 1.0


@pytest.mark.parametrize("name", ["chain_sum", "leg_counting", "graph_color", "arc_agi", "knights_knaves"])
def test_its_own_answers_are_accepted_after_a_round_through_json(name):
    from reasoning_gym.factory import create_dataset

    entry = create_dataset(name, seed=1, size=1)[0]
    gold = entry["answer"] or ""
    metadata = json.dumps(entry["metadata"], default=str)
    prediction = gold_prediction(gold, metadata=metadata)
    assert prediction is not None
    assert verify(prediction, gold, source_dataset=name, metadata=metadata, question=entry["question"]).score == 1.0


def test_a_scorer_that_breaks_is_failed_not_wrong():
    verdict = verify("x", "3", source_dataset="n_queens", metadata={})
    assert (verdict.status, verdict.score) == ("failed", None)
    assert "n_queens raised KeyError" in verdict.reason


def test_the_answer_is_what_stands_in_the_last_tags_or_after_the_words():
    assert answer_of("<answer>1</answer> no, <answer> 2 </answer>") == "2"
    assert answer_of("The answer is 3") == "3"
    assert answer_of(" 4 \n") == "4"


def test_a_single_line_is_read_out_of_what_stands_around_it():
    for text in (
        "The answer is 7.",
        "The answer is **7**.",
        "We add.\n\n### Final Answer\n\n7",
        "We add.\n\n7",
        "Answer: 7\nSince 3 + 4 is that.",
        "The answer is 7.\n\nQ: And 5 + 5?\nA: The answer is 10.",
        "The answer is 7.<|im_end|>\n<|im_start|>user\nThe answer is 10.",
    ):
        assert answer_of(text, "7") == "7", text
    assert answer_of("The answer is It rains.", "It rains.") == "It rains."
    assert answer_of("The answer is 7.", "") == "7."


def test_an_answer_of_several_lines_is_read_whole():
    assert answer_of("1 2\n3 4", "1 2\n3 4") == "1 2\n3 4"
    assert answer_of("Answer:\n1 2\n3 4", "1 2\n3 4") == "1 2\n3 4"
    assert answer_of("1 2\n3 4", "") == "1 2\n3 4"


def test_an_entry_without_an_answer_has_no_gold_prediction():
    assert gold_prediction("", metadata={}) is None
    assert gold_prediction("", metadata='{"example_answer": "P"}') == "<answer>P</answer>"


def test_mistakes_in_the_row_are_named():
    with pytest.raises(ValueError, match="did you mean 'countdown'"):
        verify("x", "x", source_dataset="countdwn", metadata={})
    with pytest.raises(ValueError, match="metadata is not JSON"):
        verify("x", "x", source_dataset="countdown", metadata="{")
