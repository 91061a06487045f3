import numpy as np
import pytest

from rl.analysis.first_look import odd_rewards


def line(**statistics):
    return {f"rewards/mine/{name}": value for name, value in statistics.items()}


@pytest.mark.parametrize(
    ("numbers", "warning"),
    [
        (line(abstained=1.0, failed=0.0), "reward 'mine' abstained from every completion so far"),
        (line(abstained=0.5, failed=0.5), "reward 'mine' abstained from every completion so far"),
        (line(abstained=0.0, failed=1.0), "reward 'mine' failed on every completion so far"),
        (line(mean=0.0, std=0.0, abstained=0.0, failed=0.0), "the same value, 0: it teaches nothing"),
        (line(mean=0.25, std=0.0, abstained=0.5, failed=0.0), "the same value, 0.25: it teaches nothing"),
        (line(mean=1.0, std=2e19, abstained=0.0, failed=0.0), "are so large that their standard deviation overflows"),
        (line(mean=-1e200, std=0.0, abstained=0.0, failed=0.0), "standard deviation overflows"),
        (line(mean=1.0, std=float("inf"), abstained=0.0, failed=0.0), "standard deviation overflows"),
    ],
)
def test_a_reward_that_cannot_teach_is_named(numbers, warning):
    (said,) = odd_rewards(numbers, ["mine"])
    assert warning in said


@pytest.mark.parametrize(
    "numbers",
    [
        line(mean=0.5, std=0.1, abstained=0.9, failed=0.05),
        line(mean=1e6, std=1e5, abstained=0.0, failed=0.0),
        {"rewards/another/abstained": 1.0},
        {},
    ],
)
def test_a_reward_that_can_teach_is_not(numbers):
    assert odd_rewards(numbers, ["mine"]) == []


def test_the_largest_value_is_one_whose_square_float32_still_holds():
    from rl.analysis.first_look import LARGEST

    assert np.isfinite(np.float32(LARGEST) * np.float32(LARGEST))
    with np.errstate(over="ignore"):
        assert not np.isfinite(np.float32(100 * LARGEST) * np.float32(100 * LARGEST))
