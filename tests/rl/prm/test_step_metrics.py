import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from rl.prm.labelled import label, labelled
from rl.prm.step_metrics import best_of_n, best_threshold, calibration, evaluate, first_wrong, protocol, step_auc
from verifiers import judged


def test_first_wrong_step_is_the_first_below_the_threshold():
    assert first_wrong([0.9, 0.5, 0.1]) == 2
    assert first_wrong([0.9, 0.5, 0.1], 0.6) == 1
    assert first_wrong([0.9, None]) == -1 and first_wrong([]) == -1


def test_protocol_by_hand():
    # wrong chains: 1 of 2 located exactly; right chains: 3 of 4 left alone. F1 = 2 * .5 * .75 / 1.25 = 0.6
    figures = protocol([1, 2, -1, -1, -1, 0], [1, 0, -1, -1, -1, -1])
    assert figures["wrong"]["value"] == 0.5 and figures["right"]["value"] == 0.75
    assert figures["f1"] == pytest.approx(0.6) and (figures["n_wrong"], figures["n_right"]) == (2, 4)


def test_a_model_that_never_finds_a_mistake_has_an_f1_of_0():
    assert protocol([-1, -1], [0, -1])["f1"] == 0.0
    assert protocol([-1], [-1])["f1"] is None  # no wrong chain: nothing to be harmonic with


def test_protocol_on_processbench_itself():
    """`WHETSTONE_DATA` names a folder with ProcessBench's GSM8K part: 207 wrong chains and 193 right ones."""
    if "WHETSTONE_DATA" not in os.environ:
        pytest.skip("WHETSTONE_DATA names no folder")
    with gzip.open(Path(os.environ["WHETSTONE_DATA"]) / "processbench_gsm8k.jsonl.gz", "rt") as lines:
        truth = [json.loads(line)["first_error_step"] for line in lines]
    assert protocol(truth, truth)["f1"] == 1.0
    # "step 1 is wrong" always: 61 of 207, and no right chain
    always = protocol([1] * len(truth), truth)
    assert always["wrong"]["value"] == pytest.approx(61 / 207, abs=1e-6) and always["f1"] == 0.0
    # right chains known, every mistake placed at step 1: a = 61/207, b = 1, F1 = 2 * 61 / (61 + 207)
    known = protocol([-1 if t == -1 else 1 for t in truth], truth)
    assert known["f1"] == pytest.approx(122 / 268, abs=1e-5)


def test_best_threshold_separates():
    assert 0.3 < best_threshold([[0.9, 0.3], [0.8, 0.7]], [1, -1]) <= 0.7


def test_step_auc_counts_pairs_in_order():
    assert step_auc([0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0]) == 0.75  # 3 of 4 pairs
    assert step_auc([0.9, 0.4], [1, 1]) is None


def test_calibration_by_hand():
    # bin 0.9..1: mean score .95, half right, half of the steps; bin 0..0.1: .05, none right
    figures = calibration([0.95, 0.95, 0.05, 0.05], [1, 0, 0, 0])
    assert figures["ece"] == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)
    assert [(b["n"], b["right"]) for b in figures["bins"]] == [(2, 0.0), (2, 0.5)]
    assert calibration([1.0], [1])["bins"][0]["high"] == 1.0


def test_best_of_n_by_hand():
    group = [(0.9, False, "3"), (0.8, True, "4"), (0.1, True, "4"), (0.0, False, "5")]
    figures = best_of_n([group])
    assert figures[1]["best"] == 0.5 == figures[1]["pass"]
    # pairs: 3 with the .9 (wrong), 2 with the .8 but not the .9 (right), 1 with the .1 (right)
    assert figures[2]["best"] == pytest.approx(3 / 6) and figures[2]["pass"] == pytest.approx(5 / 6)
    assert figures[4] == {"best": 0.0, "majority": 1.0, "pass": 1.0, "problems": 1}


def test_best_of_n_shares_ties():
    assert best_of_n([[(0.5, True, "1"), (0.5, False, "2")]])[2]["best"] == 0.5


def test_what_follows_the_first_mistake_counts_in_all_steps_alone():
    samples = [labelled("q", ["a", "b", "c"], [1.0, 0.0, 1.0], "\n"), labelled("q", ["a"], [1.0], "\n")]
    figures = evaluate(samples, [[0.9, 0.2, 0.1], [0.8]])
    assert figures["step_auc"] == 1.0 and figures["steps"] == 3
    assert figures["all_steps_auc"] == pytest.approx(2 / 3)
    assert figures["processbench"]["f1"] == 1.0 and "best_of_n" not in figures


def test_best_of_n_groups_completions_by_problem():
    def sample(right):
        made = labelled("1+1?", ["x"], [float(right)], "\n", right=right)
        return replace(made, verdict=judged(right, extracted="2" if right else "3"))

    figures = evaluate([sample(True), sample(False)], [[0.9], [0.2]])
    assert figures["best_of_n"]["min"][2]["best"] == 1.0 and figures["best_of_n"]["last"][2]["majority"] == 0.5


def test_the_separator_stands_between_steps():
    sample = labelled("q", ["ab", "c"], [1.0, None], "\n\n")
    assert sample.text == "ab\n\nc" and sample.labels == (label(0, 2, 1.0), label(4, 5, None))


def test_a_completion_without_labels_is_neither_right_nor_wrong():
    samples = [labelled("q", ["a"], [0.0], "\n"), labelled("q", ["b"], [None], "\n")]
    figures = evaluate(samples, [[0.1], [0.9]])
    assert figures["chains"] == 1
    assert (figures["processbench"]["n_wrong"], figures["processbench"]["n_right"]) == (1, 0)
