import math

import pytest

from rewards.mixing.mix import Mix, weighted_sum
from rewards.reward import Reward, RewardBroken, Scores

PROMPTS = ["p0", "p1"]
COMPLETIONS = ["a", "b"]


class Fixed(Reward):
    """A reward of given values; raises the errors it is given first."""

    def __init__(self, name, values, errors=(), failures=None):
        self.name, self.values, self.errors, self.failures = name, values, list(errors), failures or {}

    def score(self, prompts, completions, completion_ids, **columns):
        if self.errors:
            raise self.errors.pop(0)
        return Scores(self.values, failures=self.failures)


def mixed(*rewards, weights=None, budget=1.0, **columns):
    weights = weights or dict.fromkeys((reward.name for reward in rewards), 1.0)
    return Mix(rewards, weights, error_budget=budget)(PROMPTS, COMPLETIONS, [[1], [2]], **columns)


def test_the_mix_is_the_weighted_sum():
    assert mixed(Fixed("a", [1.0, 0.0]), Fixed("b", [0.5, 2.0]), weights={"a": 2.0, "b": 0.5}) == [2.25, 1.0]


def test_an_abstaining_reward_is_left_out_and_the_others_keep_its_share():
    # weights 1 and 3: alone, b counts for the weight of both
    assert weighted_sum([None, 0.5], [1.0, 3.0]) == pytest.approx(4 / 3 * 3 * 0.5)
    assert weighted_sum([None, None], [1.0, 3.0]) is None


def test_an_abstention_is_not_a_zero():
    assert mixed(Fixed("a", [None, 0.0]), Fixed("b", [1.0, 1.0])) == [2.0, 1.0]


def test_a_negative_weight_keeps_its_sign():
    assert weighted_sum([1.0, 2.0], [1.0, -0.5]) == 0.0
    assert weighted_sum([None, 2.0], [1.0, -0.5]) == pytest.approx(-3.0)


def test_a_reward_that_raises_once_is_tried_again():
    assert mixed(Fixed("a", [1.0, 0.0], errors=[OSError("busy")])) == [1.0, 0.0]


def test_a_reward_that_keeps_raising_abstains_within_its_budget():
    broken = Fixed("a", [1.0, 1.0], errors=[OSError("busy"), OSError("busy")])
    assert mixed(broken, Fixed("b", [0.5, 0.0])) == [1.0, 0.0]


def test_past_the_budget_the_run_stops_naming_reward_prompt_and_error():
    broken = Fixed("slow judge", [1.0, None], failures={1: "out of time"})
    with pytest.raises(RewardBroken, match=r"'slow judge' failed on 1 of 2 .*out of time.*'p1'"):
        mixed(broken, budget=0.2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_a_failure(value):
    logged = {}
    assert mixed(Fixed("a", [value, 1.0]), log_metric=logged.__setitem__) == [None, 1.0]
    assert logged["rewards/a/failed"] == 0.5 and logged["rewards/a/abstained"] == 0.0


def test_each_reward_is_logged_on_its_own():
    metrics, columns = {}, {}
    mixed(
        Fixed("a", [1.0, 0.0]), Fixed("b", [None, 4.0]),
        log_metric=metrics.__setitem__, log_extra=columns.__setitem__,
    )  # fmt: skip
    assert metrics["rewards/a/mean"] == 0.5 and metrics["rewards/a/std"] == 0.5
    assert metrics["rewards/b/mean"] == 4.0 and metrics["rewards/b/abstained"] == 0.5
    assert metrics["rewards/a/seconds"] >= 0
    assert columns == {"a": [1.0, 0.0], "b": [None, 4.0]}
