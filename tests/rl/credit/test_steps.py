import math

import pytest

from rl.credit.steps import first_error, minimum, total


def test_sum_gives_each_step_its_score():
    assert total([1.0, 0.0, None, 0.5]) == [1.0, 0.0, 0.0, 0.5]


def test_min_weighs_steps_by_a_softmax_in_which_the_lowest_dominates():
    # weights e^-2 and e^-8 for scores 0.2 and 0.8 at T = 0.1
    low, high = math.exp(-2) / (math.exp(-2) + math.exp(-8)), math.exp(-8) / (math.exp(-2) + math.exp(-8))
    assert minimum([0.2, 0.8]) == pytest.approx([0.2 * low, 0.8 * high])
    assert sum(minimum([1.0, 0.3, 0.9])) == pytest.approx(0.3, abs=0.02)


def test_min_leaves_out_steps_without_a_score():
    assert minimum([None, 0.4]) == pytest.approx([0.0, 0.4])
    assert minimum([None]) == [0.0]


def test_first_error_credits_what_comes_before_and_blames_the_error_alone():
    assert first_error([1.0, 1.0, 0.0, 1.0]) == [0.25, 0.25, -1.0, 0.0]
    assert first_error([1.0, 1.0]) == [0.5, 0.5]
    assert first_error([0.0, 1.0]) == [-1.0, 0.0]


def test_a_step_that_could_not_be_judged_is_no_error():
    assert first_error([1.0, None, 0.0]) == pytest.approx([1 / 3, 0.0, -1.0])


def test_no_steps_earn_nothing():
    assert total([]) == minimum([]) == first_error([]) == []


def test_min_gives_a_step_of_score_zero_nothing_and_all_the_weight():
    # weights e^0 and e^-10: 0 x 1 / (1 + e^-10), and 1 x e^-10 / (1 + e^-10)
    assert minimum([0.0, 1.0]) == pytest.approx([0.0, math.exp(-10) / (1 + math.exp(-10))], rel=1e-9)


def test_a_step_of_half_a_score_is_right():
    assert first_error([0.5, 0.49]) == [0.5, -1.0]
