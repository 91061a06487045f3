import math

import pytest

import rewards
from rewards.prototyping.adversarial import FORMS, by_kind, completions, paid_for, six
from verifiers.runtime.verifier import Verifier


def test_the_six_of_a_chain_and_of_facts():
    made = six("7", "7*3=1;1-4=7#7", "7*3=2;2-4=8#8", FORMS["chain"])
    assert made["answer only"] == "#7" and made["gold pasted"] == ";".join("7" * 8) + "#7"
    assert made["repeated text"] == ";".join(["7*3=1"] * 8) + "#8"
    assert made["long nothing"] == ";".join(["0+0=0"] * 32)
    made = six("A", " quell weighs 5. koba weighs 3. Answer: (A)", " koba weighs 3. Answer: (B)", FORMS["facts"])
    assert made["answer only"] == " Answer: (A)" and made["gold pasted"] == " (A)." * 8 + " Answer: (A)"
    assert made["repeated text"] == " quell weighs 5." * 8 + " Answer: (B)"


def test_the_answers_are_as_right_as_their_kind_says():
    rows = [{"prompt": "7*3-4?", "gold": "7"}]
    made = completions(rows, ["7*3=1;1-4=7#7"], ["7*3=2;2-4=8#8"], FORMS["chain"])
    verdicts = Verifier("chain")([{**row, "prediction": row["completion"]} for row in made])
    assert [(row["kind"], verdict.score) for row, verdict in zip(made, verdicts, strict=True)] == [
        ("right", 1.0),
        ("wrong", 0.0),
        ("answer only", 1.0),
        ("gold pasted", 1.0),
        ("repeated text", 0.0),
        ("long nothing", 0.0),
    ]


def test_means_by_kind_and_what_is_paid_as_well_as_right():
    def length(prompts, completions, completion_ids, **columns):
        return [None if text.startswith("#") else float(len(text)) for text in completions]

    rows = [{"prompt": "7*3-4?", "gold": "7"}, {"prompt": "1+1?", "gold": "2"}]
    made = completions(rows, ["7*3=1;1-4=7#7", "1+1=2#2"], ["7*3=2;2-4=8#8", "1+1=3#3"], FORMS["chain"])
    means = by_kind(rewards.score(made, length))
    assert means.loc["length", "right"] == means.loc["length", "wrong"] == 10.0
    assert math.isnan(means.loc["length", "answer only"])
    assert paid_for(means)["length"] == "wrong, gold pasted, repeated text, long nothing"


def test_a_completion_without_an_answer_and_rows_without_kinds_are_refused():
    with pytest.raises(ValueError, match="no '#' before an answer in '7'"):
        six("7", "7", "#8", FORMS["chain"])
    with pytest.raises(ValueError, match="no column 'kind'"):
        by_kind(rewards.score(["1"], "repetition"))
