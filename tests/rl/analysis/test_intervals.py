import pytest

from rl.analysis.intervals import bootstrap, wilson


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
