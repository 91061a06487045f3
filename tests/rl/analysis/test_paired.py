from math import comb

import pytest

from rl.analysis.evaluation import summarise
from rl.analysis.intervals import bootstrap
from rl.analysis.measured import Measured
from rl.analysis.models_table import tables
from rl.analysis.paired import Reading, compare, difference, mcnemar, reading
from rl.sampling.draw import Completion, as_samples
from rl.sampling.judge import judge
from verifiers.runtime.verifier import Verifier

RIGHT, UNREAD, WRONG = Reading(True, True), Reading(True, False), Reading(False, False)


def test_mcnemar_is_twice_the_smaller_tail_of_a_fair_coin():
    assert mcnemar(9, 1) == 2 * (1 + 10) / 2**10  # 0 or 1 head of 10
    assert mcnemar(1, 9) == mcnemar(9, 1)
    assert mcnemar(15, 5) == pytest.approx(2 * sum(comb(20, k) for k in range(6)) / 2**20)
    assert mcnemar(6, 0) == 2 / 64


def test_mcnemar_of_no_difference_and_of_a_tie_is_one():
    assert mcnemar(0, 0) == mcnemar(4, 4) == 1.0


def test_mcnemar_takes_many_problems():
    assert 0 < mcnemar(3000, 2000) < 1e-40


def test_an_answer_is_read_strictly_where_a_rule_of_the_form_found_it():
    assert reading(True, "box") == reading(True, "cue") == RIGHT
    assert reading(True, "last") == reading(True, "line") == UNREAD
    assert reading(True, "line", ["line"]) == RIGHT and reading(True, "cue", ["line"]) == UNREAD
    assert reading(False, "box") == WRONG
    assert reading(None, None) is None


def test_a_verifier_of_one_form_alone_has_nothing_to_leave_unread():
    assert reading(True, None) == RIGHT


def test_a_comparison_by_hand():
    # problem:        0      1       2       3      4      5     6 (not judged before)
    before = [RIGHT, UNREAD, UNREAD, WRONG, WRONG, RIGHT, None]
    after = [RIGHT, RIGHT, UNREAD, RIGHT, UNREAD, WRONG, RIGHT]
    found = compare(before, after)
    assert found.n == 6 and found.not_judged == 1
    assert (found.gained, found.lost) == (2, 1) and found.p == 1.0  # 3, 4 against 5
    assert (found.gained_in_form, found.lost_in_form) == (2, 1)  # 1, 3 against 5
    assert found.was_right == 1  # of those, problem 1 was right and unread
    assert found.gain.value == pytest.approx(5 / 6 - 4 / 6)
    assert found.gain_in_form.value == pytest.approx(3 / 6 - 2 / 6)
    assert found.gain_in_format.value == pytest.approx((4 - 2) / 6 - (5 - 3) / 6)
    assert found.unread.value == pytest.approx(2 / 6)


def test_the_gain_in_the_form_is_reasoning_and_format_together():
    before, after = [WRONG] * 3 + [UNREAD] * 5 + [RIGHT] * 2, [RIGHT] * 7 + [UNREAD] * 3
    found = compare(before, after)
    assert found.gain.value == pytest.approx(0.3)
    assert found.gain_in_form.value == pytest.approx(0.5)
    assert found.gain_in_format.value == pytest.approx(0.2)


def test_the_interval_resamples_both_answers_to_a_problem_together():
    # the shares are 0.5 and 0.6 and each varies alone, but problem by problem only one in ten differs
    before, after = [RIGHT] * 50 + [WRONG] * 50, [RIGHT] * 60 + [WRONG] * 40
    assert compare(before, after).gain == bootstrap([0.0] * 50 + [1.0] * 10 + [0.0] * 40)
    assert compare(before, before).gain == (0.0, 0.0, 0.0)


def test_answers_to_other_problems_are_not_paired():
    with pytest.raises(ValueError, match="shorter"):
        compare([RIGHT, RIGHT], [RIGHT])


def test_a_difference_leaves_out_problems_that_one_side_has_no_number_for():
    assert difference([0.5, None, 0.0], [1.0, 1.0, None]) == (0.5, 0.5, 0.5)
    assert difference([None], [1.0]) is None


def evaluated(texts, sampled):
    rows = [{"prompt": f"{n}+1?", "gold": str(n + 1)} for n in range(len(texts))]
    groups = [[Completion(text, [1], "stop")] for text in texts]
    drawn = [[Completion(text, [1], "stop") for text in group] for group in sampled]
    verifier, indices = Verifier("numeric"), list(range(len(rows)))
    greedy = judge(as_samples(rows, indices, groups), verifier)
    samples = iter(judge(as_samples(rows, indices, drawn), verifier))
    return summarise("test", greedy, [[next(samples) for _ in group] for group in sampled], judges_steps=False)


@pytest.fixture
def measured():
    before = evaluated(["It must be 1", "so 2, I think", "The answer is 9"], [["1", "5"]] * 3)
    after = evaluated(["The answer is 1", "The answer is 2", "The answer is 3"], [["1", "1"], ["2", "2"], ["3", "9"]])
    return Measured("sums", ("cue",), {"base": before, "trained": after})


def test_what_was_measured_tells_reasoning_from_format(measured):
    assert measured.in_form["base"].value == 0.0 and measured.in_form["trained"].value == 1.0
    one = measured.compared["trained"]
    assert one.gain.value == pytest.approx(1 / 3) and one.gain_in_format.value == pytest.approx(2 / 3)
    assert list(measured.compared) == ["trained"]
    # mean of 2 samples: 0.5, 0, 0 before; 1, 1, 0.5 after
    assert measured.gain_at_k["trained"].value == pytest.approx(2 / 3)


def test_there_is_a_record_for_each_answer(measured):
    answers = list(measured.answers())
    assert len(answers) == 2 * 3 * (1 + 2)
    assert [row["sample"] for row in answers[:3]] == [None, 0, 1]
    first = answers[0]
    assert (first["model"], first["problem"], first["completion"]) == ("base", 0, "It must be 1")
    assert (first["right"], first["in_form"], first["rule"]) == (True, False, "last")


def test_the_tables_show_each_policy_and_the_comparison(measured):
    figures, compared = tables(measured)
    assert figures.columns == ["share of answers that are …", "base", "trained"]
    rows = {row[0].strip(): row[1:] for row in compared.rows}
    assert rows["gained in the form, right before"] == ["2 of 3"]
    assert rows["gain in right answers (reasoning)"][0].startswith("+0.333 (")
    assert "| of this gain, format alone | +0.667" in compared.as_markdown().replace("|   of", "| of")


def test_one_policy_has_one_table(measured):
    alone = Measured("sums", ("cue",), {"base": measured.evaluations["base"]})
    assert len(tables(alone)) == 1 and alone.as_dict()["compared_with_first"] == {}
