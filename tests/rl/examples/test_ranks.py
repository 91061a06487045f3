"""Ranks in the pool: quantiles by hand, and how they change as the pool grows."""

import pytest

from rewards.sample import Judgement
from rl.config.control import Control
from rl.examples.ranks import ranked, ranks
from tests.rl.samples import judged_sample

BOTH = {"tokens": ["correctness", "plausibility"], "quantiles": 2, "cuts": {"correctness": [1.0]}}


@pytest.mark.parametrize(
    ("values", "cut", "wanted"),
    [
        ([0.1, 0.9, 0.5, 0.7], 2, [2, 1, 2, 1]),
        # 7 values in 3 quantiles: two of the best, two of the next, and what remains in the worst
        ([7, 6, 5, 4, 3, 2, 1], 3, [1, 1, 2, 2, 3, 3, 3]),
        ([1.0, 1.0, 0.0, 1.0], 2, [1, 1, 2, 2]),  # of equal values the earlier ones rank better
        ([0.3, 0.2], 5, [5, 5]),  # fewer values than quantiles
        ([-0.5, 0.0, 0.4, 1.0], [0.0, 1.0], [3, 2, 2, 1]),
        ([1.0, 0.0, 1.0], [1.0], [1, 2, 1]),
    ],
)
def test_ranks_by_hand(values, cut, wanted):
    assert ranks(values, cut) == wanted


def of(plausibility, right=1.0, reward=None, ids=(5,)):
    said = {"plausibility": plausibility, "correctness": right}
    judged = {name: Judgement(value, "abstained" if value is None else "judged") for name, value in said.items()}
    return judged_sample("x", reward, ids=list(ids), rewards=judged)


def test_ranks_are_made_anew_as_the_pool_grows():
    control = Control(tokens=["plausibility"], quantiles=2)
    pool = [of(0.2), of(0.4)]
    assert [one.ranks["plausibility"] for one in ranked(pool, control, {}, 0)[0]] == [2, 1]
    grown, counts = ranked([*pool, of(0.6), of(0.8)], control, {}, 1)
    assert [one.ranks["plausibility"] for one in grown] == [2, 2, 1, 1]
    assert counts == {"rounds/kept": 4, "rounds/dropped": 0.0, "control/plausibility/best_from": 0.6}


def test_each_reward_has_its_own_ranking_in_the_order_of_its_tokens():
    control = Control(**BOTH)
    found, _ = ranked([of(0.9, 0.0), of(0.1, 1.0)], control, {}, 0)
    assert [list(one.ranks.items()) for one in found] == [
        [("correctness", 2), ("plausibility", 1)],
        [("correctness", 1), ("plausibility", 2)],
    ]


def test_a_sample_that_a_reward_could_not_judge_is_left_out_also_before_its_stage():
    control = Control(**BOTH, stages=[["correctness"], ["plausibility"]])
    found, counts = ranked([of(None), of(0.5), of(0.7, ids=())], control, {}, 0)
    assert len(found) == 1 and list(found[0].ranks) == ["correctness"]
    assert counts["rounds/dropped"] == pytest.approx(2 / 3)


def test_the_filter_goes_before_the_ranking():
    pool = [of(0.9, 0.0), of(0.8), of(0.2)]
    found, counts = ranked(pool, Control(tokens=["plausibility"], quantiles=2), {"correctness": 1.0}, 0)
    assert [(one.sample.rewards["plausibility"].value, one.ranks["plausibility"]) for one in found] == [
        (0.8, 1),
        (0.2, 2),
    ]
    assert counts["rounds/kept"] == 2 and counts["rounds/dropped"] == 0
    plain, _ = ranked(pool, Control(tokens=[]), {"correctness": 1.0}, 0)
    assert [one.ranks for one in plain] == [{}, {}]


def test_the_mix_of_all_rewards_can_be_ranked():
    found, _ = ranked([of(0.9, reward=0.1), of(0.1, reward=0.7)], Control(tokens=["mix"], quantiles=2), {}, 0)
    assert [one.ranks for one in found] == [{"mix": 2}, {"mix": 1}]


def test_permuted_ranks_are_dealt_out_as_whole_sets_and_are_as_many():
    control = Control(**{**BOTH, "tokens": ["plausibility", "correctness"]}, permuted=True)
    pool = [of(place / 40, float(place % 3 == 0)) for place in range(40)]
    found, _ = ranked(pool, control, {}, 0)
    true, _ = ranked(pool, control.model_copy(update={"permuted": False}), {}, 0)
    sets = [[tuple(one.ranks.values()) for one in some] for some in (found, true)]
    assert sets[0] != sets[1] and sorted(sets[0]) == sorted(sets[1])
    assert sum(a == b for a, b in zip(*sets, strict=True)) < 30
    assert [one.ranks for one in ranked(pool, control, {}, 0)[0]] == [one.ranks for one in found]


def test_stages_come_into_use_one_after_the_other():
    tokens = ["a", "b", "c"]
    assert Control(tokens=tokens).in_use(0) == ["a", "b", "c"]
    staged = {"tokens": tokens, "stages": [["b"], ["a", "c"]], "stage_rounds": 2}
    assert [Control(**staged).in_use(fit) for fit in range(4)] == [["b"], ["b"], ["b", "a", "c"], ["b", "a", "c"]]
    assert Control(**staged, stage_side="left").in_use(9) == ["a", "c", "b"]
