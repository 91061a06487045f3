"""What rewards log: checked when they log it, once for each batch, each column in its own place."""

import numpy as np
import pytest

from rewards.building.function import FunctionReward
from rewards.mixing.mix import Mix
from rewards.reward import RewardBroken


class Trainer:
    """Collects what a trainer would be given."""

    def __init__(self):
        self.metrics, self.extra = [], {}

    def score(self, *functions):
        rewards = [FunctionReward(function, f"r{place}") for place, function in enumerate(functions)]
        mix = Mix(rewards, {one.name: 1.0 for one in rewards})
        given = {
            "log_metric": lambda name, value: self.metrics.append((name, value)),
            "log_extra": lambda name, values: self.extra.setdefault(name, []).extend(values),
        }
        return mix.score(["p", "p"], ["a", "b"], [[1], [2]], **given)

    @property
    def own(self):
        return [(name, value) for name, value in self.metrics if not name.startswith("rewards/")]


def test_numbers_and_columns_are_passed_on():
    def reward(completions, log_metric, log_extra, **columns):
        log_metric("found", np.float32(1.5))
        log_extra("why", ["x", None])
        return [0.0, 1.0]

    trainer = Trainer()
    trainer.score(reward)
    assert trainer.own == [("found", 1.5)] and trainer.extra["why"] == ["x", None]


def test_a_reward_that_is_called_twice_logs_once():
    calls = []

    def reward(completions, log_metric, log_extra, **columns):
        log_metric("found", 1)
        log_extra("why", ["x", "y"])
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        return [0.0, 1.0]

    trainer = Trainer()
    trainer.score(reward)
    assert len(calls) == 2 and trainer.own == [("found", 1.0)] and trainer.extra["why"] == ["x", "y"]


def test_of_two_rewards_with_a_column_of_one_name_each_has_its_own():
    def one(completions, log_extra, **columns):
        log_extra("why", [1, 2])
        return [0.0, 1.0]

    def other(completions, log_extra, **columns):
        log_extra("why", [3])
        log_extra("why", [4])
        return [0.0, 1.0]

    trainer = Trainer()
    trainer.score(one, other)
    assert trainer.extra["why"] == [1, 2] and trainer.extra["r1.why"] == [3, 4]


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (lambda metric, extra: metric("m", "high"), r"log_metric takes a name and a number, got 'm' and 'high'"),
        (lambda metric, extra: metric("m", None), "takes a name and a number"),
        (lambda metric, extra: metric("step", 3), "the run logs a figure 'step' itself"),
        (lambda metric, extra: extra("why", [1]), r"log_extra\('why'\) got 1 values for 2 completions"),
        (lambda metric, extra: extra("why", 3), "takes a name and a list of values"),
        (lambda metric, extra: extra("reward", [1, 2]), "has a column 'reward'"),
        (lambda metric, extra: extra("gold", [1, 2]), "has a column 'gold'"),
    ],
)
def test_what_cannot_be_logged_is_a_failure_that_says_so(log, says):
    def reward(completions, log_metric, log_extra, **columns):
        log(log_metric, log_extra)
        return [0.0, 1.0]

    with pytest.raises(RewardBroken, match=says):
        Trainer().score(reward)
