import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from rewards.correctness import Correctness
from rewards.steps import Steps
from verifiers import abstained, failed, judged
from verifiers.runtime.golds import against_any, golds_of
from verifiers.runtime.self_check import self_check
from verifiers.runtime.stream import verify_file
from verifiers.runtime.verifier import Verifier


@pytest.mark.parametrize(
    ("value", "golds"),
    [
        ("7", ("7",)),
        (" ", (" ",)),
        (7, ("7",)),
        (7.0, ("7",)),
        (-0.5, ("-0.5",)),
        (1e300, ("1e+300",)),
        (True, ("True",)),
        (Decimal("7.5"), ("7.5",)),
        (Fraction(1, 2), ("1/2",)),
        (np.int64(7), ("7",)),
        (np.array(["a", "b"]), ("a", "b")),
        (["a", 7.0, "a", "", None, float("nan")], ("a", "7")),
        ([["a"], "b"], ("a", "b")),
        ([], ()),
        (float("nan"), ()),
        (None, (None,)),
    ],
)
def test_numbers_become_text_and_lists_several_references(value, golds):
    assert golds_of(value) == golds


@pytest.mark.parametrize("verifier", ["exact", "numeric", "math", "steps", "choice"])
@pytest.mark.parametrize("gold", [2, 2.0, np.int64(2), ["5", 2], ("2", "5")])
def test_a_number_or_a_list_is_a_gold_for_every_verifier(verifier, gold):
    rows = [
        {"prediction": text, "gold": gold, "choices": [str(n) for n in range(9)], "question": "1 and 1"}
        for text in ("The answer is 2", "The answer is 3")
    ]
    assert [verdict.score for verdict in Verifier(verifier)(rows)] == [1.0, 0.0]


def test_a_missing_gold_abstains():
    rows = [{"prediction": "2", "gold": gold} for gold in ([], [""], float("nan"), "2")]
    assert [verdict.status for verdict in Verifier("math")(rows)] == ["abstained"] * 3 + ["judged"]


def test_wrong_is_what_is_wrong_against_every_gold():
    half, none, broken = judged(0.5), abstained("unreadable"), failed("broke")
    assert against_any([judged(0.0), judged(1.0), broken]) == judged(1.0)
    assert against_any([judged(0.0), half]) is half
    assert against_any([half, none]) is none
    assert against_any([none, half, broken]) is broken


def test_rows_keep_their_order_beside_rows_with_several_golds():
    rows = [{"prediction": str(n), "gold": gold} for n, gold in enumerate(["0", ["9", "1"], [], "3", ["5", "6"]])]
    assert [verdict.score for verdict in Verifier("exact")(rows)] == [1.0, 1.0, None, 1.0, 0.0]


def test_any_gold_is_right_in_rewards_and_their_steps_are_judged():
    gold = [2, ["3", "2"]]
    texts = ["1+1=2 so #### 2"] * 2
    assert Correctness(Verifier("math"))(["1 and 1"] * 2, texts, gold=gold) == [1.0, 1.0]
    assert Steps(Verifier("steps"))(["1 and 1"] * 2, texts, gold=gold) == [1.0, 1.0]


@pytest.mark.parametrize("gold", [None, [], float("nan")])
def test_steps_are_judged_without_a_gold_too(gold):
    known = Steps(Verifier("chain"))(["1+1?"], ["1+1=2#2"], gold=["2"])
    assert Steps(Verifier("chain"))(["1+1?"], ["1+1=2#2"], gold=[gold]) == known == [1.0]


def test_any_gold_is_right_in_a_file(tmp_path):
    rows = [{"prediction": "2", "gold": ["1", "2"]}, {"prediction": "2", "gold": 2}, {"prediction": "2", "gold": [3]}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    counts = verify_file(tmp_path / "rows.jsonl", None, "numeric")
    assert (counts["right"], counts["judged"]) == (2, 3)


def test_a_list_of_golds_is_accepted_by_its_own_verifier():
    assert self_check(Verifier("math"), [{"gold": ["7", "14/2"]}, {"gold": 7}]) == []
