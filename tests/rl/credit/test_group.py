import numpy as np
import pytest
import torch

from rl.credit.group import group_advantages
from rl.credit.token_rewards import TokenRewards


def laid_out(to_go, own=None, step=None, known=None):
    to_go = torch.tensor(to_go)
    return TokenRewards(
        to_go,
        torch.zeros_like(to_go) if own is None else torch.tensor(own),
        torch.zeros_like(to_go),
        torch.zeros(to_go.shape, dtype=torch.long) if step is None else torch.tensor(step),
        torch.ones(len(to_go), dtype=torch.bool) if known is None else torch.tensor(known),
        torch.ones(to_go.shape, dtype=torch.bool),
    )


def test_with_one_reward_at_the_end_it_is_grpos_advantage():
    rewards = [1.0, 0.0, 0.0, 1.0, 0.5, 0.5]
    to_go = [[0.0, r, 0.0] for r in rewards]
    mask = torch.tensor([[1, 1, 0]] * 6)
    got = group_advantages(laid_out(to_go, step=[[0, 0, 1]] * 6), mask, group=3)
    for start in (0, 3):
        group = np.array(rewards[start : start + 3])
        wanted = (group - group.mean()) / (group.std(ddof=1) + 1e-4)
        np.testing.assert_allclose(got[start : start + 3, 0], wanted, rtol=1e-5)
        np.testing.assert_allclose(got[start : start + 3, 1], wanted, rtol=1e-5)
    assert (got[:, 2] == 0).all()


def test_each_step_has_a_baseline_of_its_own():
    # two steps of one token; step rewards (1, 0) and (1, 1): returns to go (1, 0) and (2, 1)
    got = group_advantages(laid_out([[1.0, 0.0], [1.0, 1.0]], step=[[0, 1], [0, 1]]), torch.ones(2, 2), 2, "none")
    assert got.tolist() == [[-0.5, -0.5], [0.5, 0.5]]


def test_what_a_step_earns_for_itself_leaves_the_steps_before_it_alone():
    own = [[0.5, -1.0], [0.5, 0.5]]
    got = group_advantages(
        laid_out([[0.0, 0.0], [0.0, 0.0]], own=own, step=[[0, 1], [0, 1]]), torch.ones(2, 2), 2, "none"
    )
    assert got.tolist() == [[0.0, -0.75], [0.0, 0.75]]


def test_a_step_that_only_one_reaches_has_no_other_to_be_better_than():
    got = group_advantages(laid_out([[1.0, 1.0], [1.0, 0.0]], step=[[0, 1], [0, 0]]), torch.ones(2, 2), 2, "none")
    assert got[0, 1] == 0.0  # alone at step 1
    assert got[:, 0].tolist() == [0.5, -0.5]  # returns 2 and 1


def test_a_completion_of_which_nothing_is_known_changes_no_other_ones_advantage():
    mask = torch.ones(3, 1)
    without = group_advantages(laid_out([[1.0], [0.0]]), mask[:2], 2)
    with_it = group_advantages(laid_out([[1.0], [0.0], [0.0]], known=[True, True, False]), mask, 3)
    torch.testing.assert_close(with_it[:2], without)
    assert with_it[2] == 0


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_a_group_without_signal_has_no_advantage(scale):
    rewards = laid_out([[1.0], [1.0], [0.0], [1.0]])
    got = group_advantages(rewards, torch.ones(4, 1), 2, scale)
    assert (got[:2] == 0).all() and (got[2:] != 0).all()


def test_what_steps_earn_for_themselves_is_part_of_the_return_that_scales_the_group():
    # whole returns 0.2 + 0.4 = 0.6 and 0.1 + 0 = 0.1: σ = 0.5 / √2, and not that of their differences -0.2 and 0.1
    rewards = laid_out([[0.2], [0.1]], own=[[0.4], [0.0]])
    got = group_advantages(rewards, torch.ones(2, 1), 2, "group")
    wanted = 0.25 / (0.5 / 2**0.5 + 1e-4)
    np.testing.assert_allclose(got[:, 0], [wanted, -wanted], rtol=1e-5)


def test_scaled_by_the_batch_every_group_is_divided_by_the_deviation_of_all_returns():
    returns = [0.001, 0.0, 0.003, 0.002]  # small, so that δ = 1e-4 shows
    got = group_advantages(laid_out([[r] for r in returns]), torch.ones(4, 1), 2, "batch")
    # σ of 0, 1, 2, 3 thousandths with n - 1 = 3 is √(5/3) thousandths; each is half a thousandth from its group's mean
    wanted = 0.0005 / ((5 / 3) ** 0.5 * 0.001 + 1e-4)
    np.testing.assert_allclose(got[:, 0], [wanted, -wanted, wanted, -wanted], rtol=1e-4)


def test_the_batch_is_that_of_all_processes():
    others = torch.tensor([5.0, 7.0])
    got = group_advantages(
        laid_out([[1.0], [3.0]]), torch.ones(2, 1), 2, "batch", gather=lambda mine: torch.cat([mine, others])
    )
    # 1, 3, 5, 7 have the mean 4 and the variance (9 + 1 + 1 + 9) / 3
    wanted = 1.0 / ((20 / 3) ** 0.5 + 1e-4)
    np.testing.assert_allclose(got[:, 0], [-wanted, wanted], rtol=1e-5)


def test_equal_returns_have_no_advantage_whatever_their_mean_is_rounded_to():
    equal = torch.full((6,), 1.3)
    assert (equal - equal.sum() / 6 != 0).all()  # by a digit that δ would blow up
    for value in (0.1, 0.3, 1.3, -1.1, 2 / 3):
        to_go = [[0.0, 3 * value, value]] * 6
        got = group_advantages(laid_out(to_go, step=[[0, 0, 1]] * 6), torch.ones(6, 3), 6)
        assert (got == 0).all(), value
    almost = group_advantages(laid_out([[0.3], [0.3], [0.3001]]), torch.ones(3, 1), 3)
    assert (almost != 0).all()
