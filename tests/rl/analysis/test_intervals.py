import math

import pytest

from rl.analysis.intervals import Interval, bootstrap, mean_of_shares, wilson


def test_wilson_of_eight_in_ten_by_hand():
    # centre (0.8 + 1.9207/10) / 1.38415 = 0.71675; half width 0.22657
    interval = wilson(8, 10)
    assert interval == pytest.approx((0.8, 0.49016, 0.94331), abs=1e-4)


def test_wilson_stays_within_zero_and_one():
    assert wilson(0, 5).low == 0.0 and wilson(0, 5).high > 0.3
    assert wilson(5, 5).high == 1.0 and wilson(5, 5).low < 0.7


def test_nothing_tried_has_no_interval():
    assert wilson(0, 0) is None
    assert bootstrap([]) is None


def test_the_bootstrap_of_a_share_agrees_with_the_normal_approximation():
    interval = bootstrap([1.0] * 300 + [0.0] * 700)
    half = 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert interval == pytest.approx((0.3, 0.3 - half, 0.3 + half), abs=0.004)


def test_the_bootstrap_of_a_constant_has_no_width():
    assert bootstrap([0.25] * 10) == (0.25, 0.25, 0.25)


def test_wilson_stays_within_zero_and_one_for_any_number_of_tries():
    for trials in range(1, 200):
        assert 1 - 1e-12 < wilson(trials, trials).high <= 1.0
        assert 0.0 <= wilson(0, trials).low < 1e-12


def test_the_bootstrap_draws_every_problem_and_gives_the_same_interval_each_time():
    # the mean of two draws from (1, 0) is 0 or 1 in a quarter of the cases each
    assert bootstrap([1.0, 0.0]) == (0.5, 0.0, 1.0)
    values = [math.sqrt(n) for n in range(30)]
    assert bootstrap(values) == bootstrap(values) == bootstrap(values, resamples=2000, seed=0)
    assert bootstrap(values) != bootstrap(values, seed=1)


def test_the_bootstrap_cuts_two_and_a_half_percent_from_either_end():
    # of 11 problems 3 are 1: no 1 is drawn with probability (8/11)^11 = 3.0%, so the 2.5% quantile is 0
    assert bootstrap([1.0] * 3 + [0.0] * 8, resamples=20_000).low == 0.0
    assert bootstrap([1.0] * 8 + [0.0] * 3, resamples=20_000).high == 1.0
    # of 7 problems 4 are 1: all are 1 with probability (4/7)^7 = 2.0%, so the 97.5% quantile is 6/7
    assert bootstrap([1.0] * 4 + [0.0] * 3, resamples=20_000).high == pytest.approx(6 / 7)
    assert bootstrap([1.0] * 3 + [0.0] * 4, resamples=20_000).low == pytest.approx(1 / 7)


def test_json_has_six_places():
    figures = Interval(1 / 3, 0.12345678, 0.87654321).as_dict()
    assert figures == {"value": 0.333333, "low": 0.123457, "high": 0.876543}


def test_problems_that_all_have_the_same_share_leave_the_next_one_open():
    assert mean_of_shares([0.0] * 16) == wilson(0, 16) and mean_of_shares([1.0] * 16) == wilson(16, 16)
    assert mean_of_shares([0.0, 0.5, 1.0]) == bootstrap([0.0, 0.5, 1.0])
    assert mean_of_shares([]) is None
