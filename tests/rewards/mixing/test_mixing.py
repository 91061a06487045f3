"""Aggregations, abstention, schedules and time limits of the mix."""

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from rewards.building.build import build
from rewards.mixing.aggregate import centred, counting, filled, groups_of, normalised, powers, variance_shares
from rewards.mixing.mix import Mix
from rewards.mixing.schedule import at, checked
from rewards.parts.context import Context
from rewards.prototyping.groups import grouped
from rewards.reward import Reward, RewardBroken, Scores
from verifiers import Step
from verifiers.runtime.verifier import Verifier

PROMPTS = ["p", "p", "q", "q"]
HERE = Context(Verifier("chain"))


class Fixed(Reward):
    def __init__(self, name, values, steps=()):
        self.name, self.values, self.steps = name, values, list(steps)

    def score(self, prompts, completions, completion_ids, **columns):
        return Scores(self.values, self.steps)


def mixed(*rewards, weights=None, prompts=PROMPTS, credits=None, step=0, log=None, **settings):
    mix = Mix(rewards, weights or {reward.name: 1.0 for reward in rewards}, credits, 1.0, **settings)
    size = len(prompts)
    columns = {"log_metric": log.__setitem__} if log is not None else {}
    return mix.score(prompts, ["x"] * size, [[1]] * size, trainer_state=SimpleNamespace(global_step=step), **columns)


def advantages(values):
    """TRL's computation for one group: minus the mean over the completions with a reward."""
    array = np.array([np.nan if value is None else value for value in values])
    return array - np.nanmean(array)


@pytest.mark.parametrize("aggregation", ["sum", "normalise_then_sum"])
def test_an_abstention_changes_no_other_completions_advantage(aggregation):
    with_it = mixed(Fixed("a", [1.0, 0.0, 0.5, None]), prompts=["p"] * 4, aggregation=aggregation)
    without = mixed(Fixed("a", [1.0, 0.0, 0.5]), prompts=["p"] * 3, aggregation=aggregation)
    assert advantages(with_it.values)[:3] == pytest.approx(advantages(without.values))


def test_gdpo_is_the_hand_worked_example():
    # group p: a is 1, 0 (mean 0.5, sample std 0.7071), b is 10, 10: no spread; group q: a 0, 0; b 0, 4 (std 2.828)
    a, b = Fixed("a", [1.0, 0.0, 0.0, 0.0]), Fixed("b", [10.0, 10.0, 0.0, 4.0])
    values = mixed(a, b, weights={"a": 1.0, "b": 0.5}, aggregation="normalise_then_sum").values
    assert values == pytest.approx([0.7070, -0.7070, -0.35354, 0.35354], abs=1e-4)


def test_an_abstaining_value_is_no_part_of_its_groups_mean():
    assert normalised([1.0, 0.0, None], [[0, 1, 2]]) == pytest.approx([0.7070, -0.7070, None], abs=1e-4)
    assert normalised([3.0, None], [[0, 1]]) == [0.0, None]


def test_the_product_is_weighted_by_powers():
    a, b = Fixed("a", [0.5, 0.0]), Fixed("b", [0.4, 0.9])
    for weights, values in (((1, 1), [0.2, 0.0]), ((2, 0), [0.25, 0.0]), ((2, 1), [0.1, 0.0]), ((0, 0), [1.0, 1.0])):
        named = dict(zip("ab", map(float, weights), strict=True))
        result = mixed(a, b, weights=named, prompts=["p", "p"], aggregation="product")
        assert result.values == pytest.approx(values)
        assert [judgement.contribution for judgement in result.judgements[0].values()] == [None, None]
        assert [judgement.weight for judgement in result.judgements[0].values()] == list(weights)


def test_a_factor_that_abstains_counts_as_its_groups_mean_and_one_that_always_does_is_left_out():
    prompts = ["p"] * 3
    assert mixed(
        Fixed("a", [0.5, 0.5, 0.5]), Fixed("b", [1.0, 0.0, None]), prompts=prompts, aggregation="product"
    ).values == [0.5, 0.0, 0.25]
    assert (
        mixed(Fixed("a", [0.5, 0.5, 0.5]), Fixed("b", [None] * 3), prompts=prompts, aggregation="product").values
        == [0.5] * 3
    )


def test_a_product_refuses_negative_values_and_weights():
    with pytest.raises(ValueError, match="a: a product has no negative factors, got -1"):
        powers("a", [0.5, None, -1.0], 1.0)
    assert powers("a", [0.5, None, -1.0], 0.0) == [1.0, None, 1.0]  # a reward without weight does not count
    with pytest.raises(ValueError, match=r"a: 1e\+17 to the power of its weight 20 is too large"):
        powers("a", [1e17, None, 1.0], 20.0)
    with pytest.raises(ValueError, match="a: a product has no negative weights"):
        Mix([Fixed("a", [])], {"a": -1.0}, aggregation="product")


def test_others_count_only_where_the_gate_passed():
    gate, other = Fixed("gate", [1.0, 0.5, 0.4, None]), Fixed("other", [2.0, None, 3.0, 2.0])
    result = mixed(gate, other, prompts=["p"] * 4, aggregation="gated", gate="gate")
    # passed: 1 + 2; passed and the other abstains: the 2 of its only sibling that passed; not passed; unknown
    assert result.values == pytest.approx([3.0, 0.5 + 2.0, 0.4, None])


def test_a_gate_that_did_not_pass_is_known_even_where_the_others_abstain():
    gate, other = Fixed("gate", [0.0, 1.0]), Fixed("other", [None, None])
    weights = {"gate": 0.0, "other": 1.0}
    result = mixed(gate, other, weights=weights, prompts=["p"] * 2, aggregation="gated", gate="gate")
    assert result.values == [0.0, None]


def test_step_scores_are_not_credited_where_the_gate_did_not_pass():
    steps = [(Step(0, 1, "judged", 1.0),)] * 2
    gate, other = Fixed("gate", [1.0, 0.0]), Fixed("other", [1.0, 1.0], steps)
    result = mixed(gate, other, prompts=["p", "p"], credits={"other": "sum"}, aggregation="gated", gate="gate")
    passed, stopped = (judgements["other"] for judgements in result.judgements)
    assert (passed.steps, passed.weight) == (steps[0], 1.0) and (stopped.steps, stopped.weight) == ((), 0.0)
    assert result.judgements[1]["gate"].weight == 1.0


def test_weights_are_linear_between_the_steps_that_are_named():
    schedule = checked([[10, 1.0], [20, 0.0]])
    assert [at(schedule, step) for step in (0, 10, 15, 20, 99)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    steps = [(Step(0, 1, "judged", 1.0),)] * 4
    a = Fixed("a", [1.0, 0.0, 1.0, 0.0], steps)
    result = mixed(a, weights={"a": schedule}, credits={"a": "sum"}, step=15)
    assert result.values[0] == 0.5 and result.judgements[0]["a"].weight == 0.5


def test_steps_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match=r"the steps must rise, got \[10, 5\]"):
        checked([[10, 1.0], [5, 0.0]])


def test_shares_of_the_advantages_variance_add_up():
    # the total is 3, -3: a gives 1, -1 of it and b 2, -2
    shares = variance_shares({"a": np.array([1.0, -1.0]), "b": np.array([2.0, -2.0])})
    assert shares == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    logged = {}
    mixed(Fixed("a", [1.0, 0.0, 1.0, 1.0]), Fixed("b", [1.0, 1.0, 2.0, 2.0]), log=logged)
    assert logged["rewards/a/variance_share"] == pytest.approx(1.0)  # b differs between the groups alone
    assert logged["rewards/a/no_signal"] == 0.5 and logged["rewards/b/no_signal"] == 1.0


class Hangs(Reward):
    name = "hangs"

    def __init__(self):
        self.forever = threading.Event()

    def score(self, prompts, completions, completion_ids, **columns):
        self.forever.wait()
        return Scores([1.0])


def test_a_reward_that_hangs_is_bounded_and_the_second_time_stops_the_run():
    hangs = Hangs()
    mix = Mix([hangs, Fixed("a", [0.5])], {"hangs": 1.0, "a": 1.0}, error_budget=1.0, timeout=1.0)
    mixed = mix.score(["p"], ["x"], [[1]])
    assert mixed.values == [0.5]
    assert mixed.parts["hangs"].failures == {0: "no answer within 1 s (mix.timeout)"}
    with pytest.raises(RewardBroken, match="'hangs' hung a second time"):
        mix(["p"], ["x"])
    hangs.forever.set()


@pytest.mark.parametrize(
    ("settings", "mix", "message"),
    [
        ({"corectness": {}}, {}, "corectness: no reward is named 'corectness'; did you mean 'correctness'"),
        ({"advantage": {"kind": "correctness"}}, {}, "advantage: tables of completions have a column of that name"),
        ({"correctness": {"wieght": 1}}, {}, "correctness: unknown key 'wieght'; did you mean 'weight'"),
        ({"length": {"options": {"target": 9}, "credit": "min"}}, {}, "length: credit: it gives no step scores"),
        ({"steps": {"verifier": "math"}}, {}, "steps: verifier 'math' does not judge steps; these do: addition, chain"),
        ({"length": {"options": {"targt": 9}}}, {}, "length: there is no option 'targt'; did you mean 'target'"),
        ({"length": {"options": {"shape": "cosin"}}}, {}, "did you mean 'cosine'"),
        ({"diversity": {"verifier": "math"}}, {}, "diversity: this reward uses no verifier"),
        ({"format": {}}, {}, "format: format has nothing to check"),
        ({"correctness": {}}, {"aggregation": "gated", "gate": "corect"}, "mix: gate: .* did you mean 'correctness'"),
        ({"correctness": {}}, {"aggregation": "max"}, "mix: aggregation: 'max' is not one"),
        ({"correctness": {}}, {"gate": "correctness"}, "mix: gate: has an effect only with aggregation: gated"),
        ({"steps": {"credit": "min"}}, {"aggregation": "product"}, "cannot be credited"),
    ],
)
def test_what_cannot_work_is_refused_when_the_mix_is_built(settings, mix, message):
    with pytest.raises(ValueError, match=message):
        build(settings, HERE, mix)


def test_what_is_said_below_a_closed_gate_pays_no_abstention_above_it():
    # the length reward pays 5 where it does not count; the abstention gets the 1 of the sibling where it does
    gate, length = Fixed("gate", [1.0, 1.0, 0.0, 0.0]), Fixed("length", [1.0, None, 5.0, 5.0])
    result = mixed(gate, length, prompts=["p"] * 4, aggregation="gated", gate="gate")
    assert result.values == [2.0, 2.0, 0.0, 0.0]
    assert [one["length"].contribution for one in result.judgements] == [1.0, 1.0, 0.0, 0.0]


def test_above_a_gate_without_a_sibling_the_batchs_open_gates_stand_in():
    gate, length = Fixed("gate", [1.0, 0.0, 1.0, 1.0]), Fixed("length", [None, 9.0, 2.0, 4.0])
    assert mixed(gate, length, aggregation="gated", gate="gate").values == [4.0, 0.0, 3.0, 5.0]


def test_where_the_gate_abstains_the_others_are_no_part_of_a_mean():
    gate, length = Fixed("gate", [1.0, 1.0, None]), Fixed("length", [1.0, None, 9.0])
    assert mixed(gate, length, prompts=["p"] * 3, aggregation="gated", gate="gate").values == [2.0, 2.0, None]


def test_a_gate_passes_at_its_threshold_and_what_it_gives_below_is_its_own_weighted_value():
    gate, other = Fixed("gate", [0.7, 0.69]), Fixed("other", [1.0, 1.0])
    settings = {"aggregation": "gated", "gate": "gate", "gate_at": 0.7, "weights": {"gate": 2.0, "other": 3.0}}
    assert mixed(gate, other, prompts=["p", "p"], **settings).values == pytest.approx([4.4, 1.38])


def test_an_abstaining_factor_is_worth_what_its_siblings_factors_are_worth():
    # the siblings' factors are 0**2 and 1**2; their mean is 0.5, the square of the values' mean would be 0.25
    a, b = Fixed("a", [0.0, 1.0, None]), Fixed("b", [1.0, 1.0, 1.0])
    values = mixed(a, b, weights={"a": 2.0, "b": 1.0}, prompts=["p"] * 3, aggregation="product").values
    assert values == [0.0, 1.0, 0.5]


def test_gdpo_gives_an_abstention_no_advantage_and_a_group_of_one_none():
    a = Fixed("a", [3.0, 1.0, None, 7.0])
    values = mixed(a, Fixed("b", [0.0] * 4), prompts=["p", "p", "p", "q"], aggregation="normalise_then_sum").values
    assert values == pytest.approx([0.7071, -0.7071, 0.0, 0.0], abs=1e-4)


@pytest.mark.parametrize("aggregation", ["sum", "normalise_then_sum", "product"])
def test_beside_siblings_with_the_same_other_rewards_an_abstention_earns_their_mean(aggregation):
    known = [0.2, 0.8, 0.9]
    a, b = Fixed("a", [*known, None]), Fixed("b", [0.5] * 4)
    values = mixed(a, b, weights={"a": 3.0, "b": 0.1}, prompts=["p"] * 4, aggregation=aggregation).values
    assert values[3] == pytest.approx(sum(values[:3]) / 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39, 1e308, -2e18])
@pytest.mark.parametrize("aggregation", ["sum", "normalise_then_sum", "product", "gated"])
def test_a_value_that_no_trainer_can_compute_with_is_a_failure_of_its_row(aggregation, value):
    gate = {"gate": "a"} if aggregation == "gated" else {}
    result = mixed(Fixed("a", [1.0, value]), prompts=["p", "p"], aggregation=aggregation, **gate)
    assert result.values == [0.0 if aggregation == "normalise_then_sum" else 1.0, None]
    assert list(result.parts["a"].failures) == [1] and "the value is" in result.parts["a"].failures[1]
    assert result.judgements[1]["a"].status == "failed"


def test_the_largest_value_counts():
    assert mixed(Fixed("a", [1e18, -1e18]), prompts=["p", "p"]).values == [1e18, -1e18]


def test_a_mix_that_is_too_large_names_its_rewards():
    with pytest.raises(ValueError, match=r"the rewards a, b together give 1e\+200, and the largest .* is 1e\+18"):
        mixed(Fixed("a", [1.0]), Fixed("b", [0.0]), weights={"a": 1e200, "b": 1.0}, prompts=["p"])


def test_a_schedule_of_a_product_must_not_fall_below_zero():
    with pytest.raises(ValueError, match="a: a product has no negative weights"):
        Mix([Fixed("a", [])], {"a": [[0, 1.0], [9, -0.5]]}, aggregation="product")


def test_variance_shares_are_of_what_is_paid():
    # below the closed gate the second reward pays nothing, so that it has no share
    logged = {}
    gate, other = Fixed("gate", [0.4, 0.0]), Fixed("other", [1.0, 9.0])
    mixed(gate, other, prompts=["p", "p"], aggregation="gated", gate="gate", log=logged)
    assert logged["rewards/gate/variance_share"] == pytest.approx(1.0)
    assert logged["rewards/other/variance_share"] == pytest.approx(0.0)
    mixed(Fixed("a", [1.0, 0.5]), prompts=["p", "p"], aggregation="product", log=(product_logs := {}))
    assert "rewards/a/variance_share" not in product_logs


def test_a_group_without_a_value_leaves_the_next_one_alone():
    assert normalised([None, 1.0, 0.0], [[0], [1, 2]]) == pytest.approx([None, 0.7070, -0.7070], abs=1e-4)
    assert list(centred([None, 1.0, 0.0], [[0], [1, 2]])) == [0.0, 0.5, -0.5]
    assert filled([None, 1.0, None, 4.0], [[0], [1, 2], [3]]) == [2.5, 1.0, 1.0, 4.0]
    assert filled([None, None], [[0, 1]]) == [0.0, 0.0] and filled([None], [[0]], 1.0) == [1.0]


def test_shares_are_of_what_differs_and_without_a_difference_there_are_none():
    assert variance_shares({"a": np.array([1.0, 3.0]), "b": np.array([5.0, 5.0])}) == {"a": 1.0, "b": 0.0}
    assert variance_shares({"a": np.array([2.0, 2.0])}) == {}


def test_what_counts_is_what_has_a_weight_or_everything_where_nothing_has():
    values = {"a": [1.0, None, None], "b": [None, 1.0, None]}
    assert counting(values, {"a": 1.0, "b": 0.0}) == [True, False, False]
    assert counting(values, {"a": 0.0, "b": 0.0}) == [True, True, False]
    assert counting(values, {"a": 1.0, "b": -0.5}) == [True, True, False]


def test_prompts_that_stand_for_a_group_are_compared_by_it():
    _, texts = grouped(["p", "p", "p"], ["x", "y", "x"])
    assert groups_of(texts) == [[0, 2], [1]]
    _, chats = grouped([[{"role": "user", "content": "p"}]] * 3, ["x", "y", "x"])
    assert groups_of(chats) == [[0, 2], [1]]
    assert groups_of([[{"content": "p"}], "q", [{"content": "p"}]]) == [[0, 2], [1]]


def test_a_mix_says_what_each_reward_said_and_logs_it():
    class Tells(Fixed):
        def score(self, prompts, completions, completion_ids, **columns):
            return Scores(self.values, columns={"why": ["x", "y"]}, failures={1: "oh"})

    metrics, extra = {}, {}
    mix = Mix([Tells("a", [2.0, None]), Fixed("b", [None, 1.0])], {"a": [[0, 1.0], [4, 0.0]], "b": 1.0}, None, 1.0)
    columns = {"log_metric": metrics.__setitem__, "log_extra": extra.__setitem__}
    result = mix.score(["p", "q"], ["x"] * 2, [[1]] * 2, trainer_state=SimpleNamespace(global_step=1), **columns)
    assert extra == {"rewards/a": [2.0, None], "rewards/a.why": ["x", "y"], "rewards/b": [None, 1.0]}
    assert result.columns == {"a": [2.0, None], "b": [None, 1.0]}
    assert metrics["rewards/a/weight"] == 0.75 and "rewards/b/weight" not in metrics
    assert (metrics["rewards/a/mean"], metrics["rewards/a/std"]) == (2.0, 0.0)
    assert (metrics["rewards/a/failed"], metrics["rewards/a/abstained"], metrics["rewards/b/abstained"]) == (
        0.5,
        0,
        0.5,
    )
    assert [one["a"].status for one in result.judgements] == ["judged", "failed"]
    assert [one["b"].status for one in result.judgements] == ["abstained", "judged"]
    assert [one["a"].value for one in result.judgements] == [2.0, None]


def test_without_a_trainer_it_is_the_first_step():
    assert Mix([Fixed("a", [2.0])], {"a": [[0, 1.0], [1, 0.0]]})(["p"], ["x"]) == [2.0]


def test_where_nothing_is_known_nothing_is_contributed():
    gate, other = Fixed("gate", [1.0, None]), Fixed("other", [2.0, 3.0])
    result = mixed(gate, other, prompts=["p", "p"], aggregation="gated", gate="gate")
    assert [one["other"].contribution for one in result.judgements] == [2.0, None]
    result = mixed(Fixed("a", [1.0, None]), prompts=["p", "p"])
    assert [one["a"].contribution for one in result.judgements] == [1.0, None]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (True, "weight: expected a number, got True"),
        (math.nan, "weight: expected a number, got nan"),
        ("0.1", "weight: expected a number or .*, got '0.1'"),
        ([], "weight: expected a number or .*"),
        ([5], r"weight: expected \[step, weight\], got 5"),
        ([[1, 2.0, 3.0]], r"weight: expected \[step, weight\], got \[1, 2.0, 3.0\]"),
        ([[0.5, 1.0]], "weight: step: expected a whole number of at least 0, got 0.5"),
        ([[-1, 1.0]], "weight: step: expected a whole number of at least 0"),
        ([[0, "1"]], "^weight: expected a number, got '1'"),
        ([[1, 1.0], [1, 2.0]], r"the steps must rise, got \[1, 1\]"),
    ],
    ids=range(10),  # plain ones, by which mutmut can name the tests
)
def test_what_is_no_weight_is_named(weight, message):
    with pytest.raises(ValueError, match=message):
        checked(weight)


def test_a_schedule_may_rise_again_and_is_constant_outside():
    schedule = checked([[2, 1.0], [4, 0.0], [6, 3]])
    assert [at(schedule, step) for step in range(9)] == [1.0, 1.0, 1.0, 0.5, 0.0, 1.5, 3.0, 3.0, 3.0]
    assert at(checked(2), 7) == 2.0


def test_a_mix_needs_the_columns_of_its_rewards_and_allows_a_fifth_to_fail():
    one, other = Fixed("a", [1.0]), Fixed("b", [1.0])
    one.columns, other.columns = ("gold", "level"), ("gold",)
    mix = Mix([one, other], {"a": 1.0, "b": 1.0})
    assert mix.columns == ("gold", "level") and mix.error_budget == 0.2
