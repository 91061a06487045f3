import numpy as np
import pytest
import torch

from rl.credit.gae import gae


def slowly(rewards, values, length, gamma, lam):
    """The double sum of eq. 16, a row at a time."""
    value = np.append(values[:length], 0.0)
    deltas = [rewards[t] + gamma * value[t + 1] - value[t] for t in range(length)]
    return [sum((gamma * lam) ** (later - t) * deltas[later] for later in range(t, length)) for t in range(length)]


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (1.0, 0.95), (0.9, 0.5), (1.0, 0.0)])
def test_it_is_the_discounted_sum_of_one_step_errors(gamma, lam):
    random = np.random.default_rng(0)
    rewards, values, lengths = random.normal(size=(3, 6)), random.normal(size=(3, 6)), [6, 4, 1]
    mask = np.array([[t < length for t in range(6)] for length in lengths])
    got = gae(torch.tensor(rewards), torch.tensor(values), torch.tensor(mask), gamma, lam).numpy()
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(got[row, :length], slowly(rewards[row], values[row], length, gamma, lam))
        assert (got[row, length:] == 0).all()


def test_by_hand():
    # δ = [0 + 0.5 - 0.2, 1 + 0 - 0.5] = [0.3, 0.5]; A_1 = 0.5, A_0 = 0.3 + 0.5 x 0.5 = 0.55
    got = gae(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.2, 0.5]]), torch.ones(1, 2), 1.0, 0.5)
    torch.testing.assert_close(got, torch.tensor([[0.55, 0.5]]))


def test_without_a_critic_and_with_lambda_1_it_is_the_reward_to_go():
    got = gae(torch.tensor([[1.0, 0.0, 2.0]]), torch.zeros(1, 3), torch.ones(1, 3), 1.0, 1.0)
    assert got.tolist() == [[3.0, 2.0, 2.0]]


def test_a_completion_of_one_token_is_worth_its_reward_less_its_value():
    # δ_0 = 1 + 0 - 0.25, and nothing comes after
    assert gae(torch.tensor([[1.0]]), torch.tensor([[0.25]]), torch.ones(1, 1), 0.9, 0.5).tolist() == [[0.75]]
