import itertools

import numpy as np
import pytest

from rl.analysis.rl_star import curve, enumerate_rounds, informed, theory_delta

PUBLISHED = {
    0.2: [0.0235, 0.1310, 0.8694, 0.9998, 1.0],
    0.1: [0.0166, 0.0198, 0.0599, 0.6272, 0.9971],
    0.0: [0.0156] * 5,
}
"""δ → J of the first five rounds for M = 64 and N = 3, computed apart from this code with a tabular policy."""


@pytest.mark.parametrize(("delta", "right"), PUBLISHED.items())
def test_the_closed_form_and_the_enumeration_agree_to_four_decimals_in_every_round(delta, right):
    closed, exact = curve(delta, 64, 5), enumerate_rounds(informed([delta] * 3, 64), 5)
    assert [round(one.right, 4) for one in closed] == right
    assert [round(one.right, 4) for one in exact] == right
    assert [one.chain for one in closed] == pytest.approx([one.chain for one in exact], abs=1e-9)


def test_the_closed_form_for_three_steps_is_the_papers():
    states, delta = 64, 0.1
    alpha, beta = (1 + 63 * delta) / 64, (1 - delta) / 64
    paper = alpha**3 + 3 * 63 * alpha * beta**2 + 63 * 62 * beta**3
    after = (62 * delta**3 + delta**2 + delta) / (63 * delta**3 + 1)
    first, second = curve(delta, states, 2)
    assert first.right == pytest.approx(paper) and second.right == pytest.approx((1 + 63 * after**3) / 64)
    assert first.chain == pytest.approx(alpha**3 / paper)


def test_the_enumeration_is_a_sum_over_all_chains():
    """Three states and two steps, all 27 chains written out."""
    rng = np.random.default_rng(0)
    policy = rng.random((2, 3, 3))
    policy /= policy.sum(axis=2, keepdims=True)
    kept = np.zeros((2, 3, 3))
    right = whole = 0.0
    for start, middle, end in itertools.product(range(3), repeat=3):
        weight = policy[0, start, middle] * policy[1, middle, end] / 3
        if end == start:
            right += weight
            whole += weight * (middle == start)
            kept[0, start, middle] += weight
            kept[1, middle, end] += weight
    first, second = enumerate_rounds(policy, 2)
    assert first == pytest.approx((right, whole / right))
    refitted = kept / kept.sum(axis=2, keepdims=True)
    assert second.right == pytest.approx(np.trace(refitted[0] @ refitted[1]) / 3)


def test_one_step_that_guesses_is_recovered_and_two_are_not():
    one = [one.right for one in enumerate_rounds(informed([0.2, 0.0, 0.2], 64), 6)]
    two = [one.right for one in enumerate_rounds(informed([0.0, 0.2, 0.0], 64), 6)]
    assert [round(right, 4) for right in one] == [0.0156, 0.0172, 0.0281, 0.2298, 0.9499, 1.0]
    assert two == pytest.approx([1 / 64] * 6)


def test_the_generators_delta_is_not_the_theorys():
    assert theory_delta(0.2, 64) == pytest.approx(0.2032, abs=5e-5)
    alpha = (1 + 63 * theory_delta(0.2, 64)) / 64
    assert alpha == pytest.approx(1 / 64 + 0.2)


@pytest.mark.parametrize(("delta", "states", "steps"), [(-0.1, 64, 3), (1.1, 64, 3), (0.1, 1, 3), (0.1, 64, 1)])
def test_a_number_out_of_its_range_is_refused(delta, states, steps):
    with pytest.raises(ValueError, match="expected δ in"):
        curve(delta, states, 2, steps)
