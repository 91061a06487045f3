import math

import pytest

from rewards.mixing.mix import Mix
from rewards.reward import Reward, RewardBroken, Scores

PROMPTS = ["p0", "p1"]
COMPLETIONS = ["a", "b"]


class Fixed(Reward):
    """A reward that first raises the given errors, then returns the given values."""

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


def test_an_abstention_counts_as_the_mean_of_its_group():
    a, b = Fixed("a", [1.0, 0.0, None, 0.2]), Fixed("b", [0.5, 0.5, 0.5, 0.5])
    mix = Mix([a, b], {"a": 2.0, "b": 1.0})
    values = mix(["p", "p", "p", "q"], ["x"] * 4, [[1]] * 4)
    assert values == pytest.approx([2.5, 0.5, 2 * 0.5 + 0.5, 0.9])


def test_abstaining_neither_pays_nor_costs_and_makes_no_other_reward_weigh_more():
    # a length penalty of weight -0.1 stays one where correctness abstains on a completion
    correct, length = Fixed("correct", [1.0, 0.0, None]), Fixed("length", [4.0, 4.0, 8.0])
    values = Mix([correct, length], {"correct": 1.0, "length": -0.1})(["p"] * 3, ["x"] * 3, [[1]] * 3)
    mean_of_siblings = (values[0] + values[1]) / 2
    assert values[2] - mean_of_siblings == pytest.approx(-0.1 * 4)


def test_a_group_that_a_reward_abstains_on_counts_as_the_batch_does():
    values = Mix([Fixed("a", [1.0, 0.0, None, None]), Fixed("b", [0.0] * 4)], {"a": 1.0, "b": 1.0})(
        ["p", "p", "q", "q"], ["x"] * 4, [[1]] * 4
    )
    assert values == [1.0, 0.0, 0.5, 0.5]


def test_rows_of_a_prompt_are_one_group_wherever_they_stand():
    values = Mix([Fixed("a", [1.0, 5.0, None, None]), Fixed("b", [0.0] * 4)], {"a": 1.0, "b": 1.0})(
        ["p", "q", "p", "q"], ["x"] * 4, [[1]] * 4
    )
    assert values == [1.0, 5.0, 1.0, 5.0]


def test_where_all_that_count_abstain_so_does_the_mix():
    values = Mix([Fixed("a", [None, 1.0]), Fixed("logged", [7.0, 7.0])], {"a": 1.0, "logged": 0.0})
    assert values(PROMPTS, COMPLETIONS, [[1], [2]]) == [None, 1.0]


def test_a_negative_weight_keeps_its_sign():
    assert mixed(Fixed("a", [1.0, 0.0]), Fixed("b", [2.0, 1.0]), weights={"a": 1.0, "b": -0.5}) == [0.0, -0.5]


def test_a_reward_that_changes_what_it_is_given_changes_nothing_for_the_others():
    seen = []

    class Spoils(Fixed):
        def score(self, prompts, completions, completion_ids, **columns):
            seen.append((list(completions), [list(ids) for ids in completion_ids], [dict(c) for c in columns["meta"]]))
            completions[0] = "spoilt"
            completion_ids[0].append(99)
            columns["meta"][0]["key"] = "spoilt"
            return super().score(prompts, completions, completion_ids, **columns)

    mixed(Spoils("a", [1.0, 0.0]), Spoils("b", [1.0, 0.0]), meta=[{"key": 1}, {"key": 2}])
    assert seen[0] == seen[1] == (["a", "b"], [[1], [2]], [{"key": 1}, {"key": 2}])


def test_each_completion_is_told_what_each_reward_contributes():
    a, b = Fixed("a", [1.0, None]), Fixed("b", [None, 4.0], failures={0: "broke"})
    result = Mix([a, b], {"a": 2.0, "b": 0.5}, error_budget=1.0).score(["p", "p"], COMPLETIONS, [[1], [2]])
    first, second = result.judgements
    assert (first["a"].status, first["b"].status, second["a"].status) == ("judged", "failed", "abstained")
    assert [first["a"].contribution, first["b"].contribution] == [2.0, 2.0]  # b counts as its group's mean, 4
    assert result.values == [4.0, 4.0] and first["a"].weight == 2.0


def test_a_reward_that_raises_once_is_tried_again():
    assert mixed(Fixed("a", [1.0, 0.0], errors=[OSError("busy")])) == [1.0, 0.0]


def test_a_reward_that_keeps_raising_abstains_within_its_budget():
    broken = Fixed("a", [1.0, 1.0], errors=[OSError("busy"), OSError("busy")])
    assert mixed(broken, Fixed("b", [0.5, 0.0])) == [0.5, 0.0]


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
    assert columns == {"rewards/a": [1.0, 0.0], "rewards/b": [None, 4.0]}
