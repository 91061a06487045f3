"""The best strategy of each problem, and whose samples are learnt."""

import pytest

from rl.config.choosing import Strategies
from rl.examples.strategies import of_the_best
from tests.rl.samples import judged_sample

# of problem 0 "direct" is the best by 0.9 to 0.5, of 1 "steps" by 1 to 0.5; of 2 nobody could judge a direct sample
REWARDS = {
    (0, "direct"): (0.9, 0.9), (0, "steps"): (1.0, 0.0),
    (1, "direct"): (1.0, 0.0), (1, "steps"): (1.0, 1.0),
    (2, "direct"): (None, None), (2, "steps"): (0.1, None),
    (3, "direct"): (None,), (3, "steps"): (None,),
}  # fmt: skip
SAMPLES = [
    judged_sample(f"{index} {strategy} {place}", reward, index=index, strategy=strategy)
    for strategy in ("direct", "steps")
    for index in range(4)
    for place, reward in enumerate(REWARDS[index, strategy])
]


def test_the_samples_of_the_strategy_with_the_highest_mean_reward_stay_in_their_order():
    kept, shares = of_the_best(SAMPLES)
    assert [one.text for one in kept] == [
        "0 direct 0",
        "0 direct 1",
        "1 steps 0",
        "1 steps 1",
        "2 steps 0",
        "2 steps 1",
    ]
    assert shares == {"rounds/best/direct": pytest.approx(1 / 3), "rounds/best/steps": pytest.approx(2 / 3)}


def test_of_equal_strategies_the_first_is_the_best():
    equal = [judged_sample(name, 0.5, strategy=name) for name in ("steps", "direct")]
    assert [one.text for one in of_the_best(equal)[0]] == ["steps"]


def test_permuted_strategies_are_as_frequent_and_not_those_of_their_own_problems():
    wins = {index: ("direct", "steps")[index % 2] for index in range(40)}
    samples = [
        judged_sample(name, float(name == wins[index]), index=index, strategy=name)
        for index in wins
        for name in ("direct", "steps")
    ]
    kept, shares = of_the_best(samples, permuted=True)
    assert shares == {"rounds/best/direct": 0.5, "rounds/best/steps": 0.5}
    assert [one.strategy for one in kept].count("direct") == 20 and len({one.index for one in kept}) == 40
    assert (
        8 < sum(one.strategy == wins[one.index] for one in kept) < 32
    )  # half of them by chance, six or more apart are 1 in 1,000
    assert of_the_best(samples, permuted=True)[0] == kept


def test_samples_without_a_strategy_are_none_of_any_and_nothing_judged_gives_no_shares():
    assert of_the_best([judged_sample("a", 1.0)]) == ([], {})
    assert of_the_best([judged_sample("a", None, strategy="direct")]) == ([], {})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"templates": {}}, "at least 1"),
        ({"templates": {"a": "x"}}, "shows no column"),
        ({"templates": {"a": "{gold}"}}, "lacks the problem"),
        ({"templates": {"a": "{prompt", "b": "{prompt}"}}, "cannot be filled in"),
        ({"templates": {"a": "{prompt}"}, "permuted": True}, "give several"),
        ({"templates": {"a": "{prompt}", "b": "{prompt}"}, "permuted": True, "keep": "all"}, "give several"),
    ],
)
def test_templates_show_the_problem_and_a_control_needs_a_choice(given, why):
    with pytest.raises(ValueError, match=why):
        Strategies.model_validate(given)


def test_a_strategy_that_is_null_is_left_out():
    assert Strategies.model_validate({"templates": {"a": "{prompt}", "b": None}}).templates == {"a": "{prompt}"}
