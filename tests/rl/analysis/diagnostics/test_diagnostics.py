"""Each diagnostic on made series, to the number: just beyond its bound it speaks, just within it keeps silent."""

import pytest

from rl.analysis.diagnostics import (
    both_fall,
    divergence,
    entropy_collapse,
    gamed_reward,
    judges,
    length_drift,
    no_signal,
    one_reward,
    repetition,
    sampler_mismatch,
    truncation,
    useless_critic,
    wrong_chains,
)
from rl.analysis.diagnostics.record import Record


def record(algorithm="grpo", rewards=("correctness",), **series):
    """A record with one log line for each place of the series; `__` stands for `/` in a metric's name."""
    config = {"algorithm": {"name": algorithm}, "rewards": {name: {"weight": 1.0} for name in rewards}, "mix": {}}
    made = Record(config)
    for place in range(max(map(len, series.values()))):
        row = {name.replace("__", "/"): values[place] for name, values in series.items() if place < len(values)}
        made.add({"step": place + 1, **row})
    return made


def measured(step, **values):
    interval = {name: {"value": value, "low": value - 0.03, "high": value + 0.03} for name, value in values.items()}
    return {"step": step, "split": "validation", **interval}


def evaluated(reward, before, after, **more):
    made = record(reward=reward, rewards__correctness__mean=reward, **more)
    made.evaluations += [measured(0, **before), measured(len(reward), **after)]
    return made


RISING = [0.1, 0.12, 0.11, 0.3, 0.5, 0.6, 0.7, 0.9, 0.92, 0.91]


def test_a_reward_that_rises_without_accuracy_is_gamed():
    finding = gamed_reward.look(evaluated(RISING, {"greedy": 0.5}, {"greedy": 0.5}))
    assert finding.step == 10 and finding.evidence == pytest.approx(
        {"reward.before": 0.11, "reward.after": 0.91, "greedy.before": 0.5, "greedy.after": 0.5}
    )
    assert "The reward rose from 0.11 to 0.91 while greedy accuracy on validation problems stayed" in finding.message


@pytest.mark.parametrize(
    ("before", "after"),
    [({"greedy": 0.5}, {"greedy": 0.7}), ({"greedy": 0.5, "mean_at_k": 0.3}, {"greedy": 0.5, "mean_at_k": 0.5})],
    ids=["greedy", "sampled"],
)
def test_a_reward_that_rises_with_accuracy_is_not_gamed(before, after):
    assert gamed_reward.look(evaluated(RISING, before, after)) is None


def test_answers_that_become_right_by_wrong_steps_are_told_from_those_by_right_ones():
    before = {"greedy": 0.3, "chain": 0.1}
    finding = wrong_chains.look(evaluated(RISING, before, {"greedy": 0.6, "chain": 0.12}))
    assert finding.evidence == {"right.before": 0.3, "right.after": 0.6, "chain.before": 0.1, "chain.after": 0.12}
    assert wrong_chains.look(evaluated(RISING, before, {"greedy": 0.6, "chain": 0.4})) is None


def test_one_reward_that_carries_the_advantage_is_named_with_those_that_hardly_count():
    shares = {"rewards__length__variance_share": [0.96] * 10, "rewards__correctness__variance_share": [0.04] * 10}
    finding = one_reward.look(record(rewards=("correctness", "length"), **shares))
    assert finding.evidence == pytest.approx({"variance_share": 0.96})
    assert finding.message == (
        "Reward 'length' makes 96% of the variance of the advantage, so 'correctness' hardly count."
    )


@pytest.mark.parametrize(
    ("names", "share", "lines"),
    [(("correctness", "length"), 0.94, 10), (("correctness", "length"), 0.96, 9), (("length",), 1.0, 10)],
    ids=["less", "too few lines", "the only one"],
)
def test_a_reward_that_may_carry_the_advantage_is_not_named(names, share, lines):
    shares = {"rewards__length__variance_share": [share] * lines}
    shares |= {"rewards__correctness__variance_share": [1 - share] * lines}
    assert one_reward.look(record(rewards=names, **shares)) is None


@pytest.mark.parametrize(("after", "speaks"), [(15.1, True), (14.9, False), (6.6, True), (6.7, False)])
def test_lengths_drift_by_half_as_much_again_or_less_by_as_much(after, speaks):
    finding = length_drift.look(record(completions__mean_length=[10.0] * 5 + [after] * 5))
    assert (finding is not None) is speaks
    if finding:
        assert finding.evidence == pytest.approx({"before": 10.0, "after": after})


@pytest.mark.parametrize(("right", "speaks"), [(0.25, True), (0.26, False)])
def test_longer_completions_are_no_drift_where_more_of_them_are_right(right, speaks):
    made = record(completions__mean_length=[10.0] * 5 + [20.0] * 5, completions__right=[0.2] * 5 + [right] * 5)
    assert (length_drift.look(made) is not None) is speaks


def test_a_drift_is_not_looked_for_before_ten_lines():
    assert length_drift.look(record(completions__mean_length=[10.0] * 4 + [20.0] * 5)) is None


@pytest.mark.parametrize(("before", "after", "speaks"), [(0.0, 0.2, True), (0.0, 0.19, False), (0.15, 0.24, False)])
def test_repetition_is_much_and_more_than_at_first(before, after, speaks):
    finding = repetition.look(record(completions__repetition=[before] * 5 + [after] * 5))
    assert (finding is not None) is speaks


@pytest.mark.parametrize(
    ("before", "after", "right", "speaks"),
    [(1.0, 0.09, 0.5, True), (1.0, 0.11, 0.5, False), (0.05, 0.019, 0.5, True), (1.0, 0.01, 0.9, False)],
    ids=["a tenth", "more", "next to none", "solved"],
)
def test_entropy_has_collapsed_below_a_tenth_unless_the_problems_are_solved(before, after, right, speaks):
    finding = entropy_collapse.look(record(entropy=[before] * 5 + [after] * 5, completions__right=[right] * 10))
    assert (finding is not None) is speaks
    if finding:
        assert finding.evidence == pytest.approx({"before": before, "after": after})


def test_truncation_is_that_of_the_last_three_lines_or_of_the_last_round():
    assert truncation.look(record(completions__clipped_ratio=[0.0, 0.2, 0.2, 0.2])).evidence == pytest.approx(
        {"share": 0.2}
    )
    assert truncation.look(record(completions__clipped_ratio=[0.9, 0.0, 0.2, 0.2])) is None
    assert truncation.look(record("dpo", rounds__cut_off=[0.0, 0.3])).evidence == {"share": 0.3}


@pytest.mark.parametrize(
    ("zero", "right", "words"),
    [(0.9, [0.0] * 5, "use easier problems"), (0.9, [1.0] * 5, "use harder problems"), (0.88, [0.0] * 5, None)],
    ids=["all wrong", "all right", "some signal"],
)
def test_groups_that_teach_nothing_are_told_with_what_would(zero, right, words):
    finding = no_signal.look(record(frac_reward_zero_std=[zero] * 5, completions__right=right))
    assert (finding is None) if words is None else finding.remedy.startswith(words)


def test_groups_that_training_made_right_are_what_it_is_for():
    solved = record(frac_reward_zero_std=[0.2] * 5 + [1.0] * 5, completions__right=[0.5] * 5 + [1.0] * 5)
    assert no_signal.look(solved) is None


def test_groups_whose_steps_differ_have_a_signal():
    names = {"rewards__correctness__no_signal": [1.0] * 5, "rewards__steps__no_signal": [0.5] * 5}
    made = record(rewards=("correctness", "steps"), frac_reward_zero_std=[1.0] * 5, **names)
    assert no_signal.look(made) is None


def test_ppo_has_no_signal_only_where_a_whole_draw_earns_the_same():
    assert no_signal.look(record("ppo", frac_reward_zero_std=[1.0] * 5, reward_std=[0.4] * 5)) is None
    assert no_signal.look(record("ppo", reward_std=[0.0] * 5)).evidence == {"share": 1.0}


def fit(chosen, rejected, number=0):
    rows = zip(chosen, rejected, strict=True)
    return [{"logps/chosen": one, "logps/rejected": other, "round": number} for one, other in rows]


def pairs(*fits):
    made = record("dpo", rounds__number=[0])
    for step, row in enumerate((row for rows in fits for row in rows), start=2):
        made.add({"step": step, **row})
    return made


FALLING = [-10.0] * 5 + [-12.0] * 5


def test_both_log_probabilities_that_fall_are_told_to_the_nat():
    finding = both_fall.look(pairs(fit(FALLING, [-10.0] * 5 + [-15.0] * 5)))
    assert finding.evidence == {"chosen": -2.0, "rejected": -5.0} and "round 1" in finding.message


@pytest.mark.parametrize(
    "fits",
    [
        [fit([-10.0] * 5 + [-10.9] * 5, FALLING)],
        [fit(FALLING, [-12.0] * 5 + [-10.0] * 5)],
        [fit(FALLING[:9], FALLING[:9])],
        [fit(FALLING, [-9.0] * 10), fit(FALLING[:5], FALLING[:5], 1)],
    ],
    ids=["chosen hardly", "rejected rises", "too few lines", "each fit by itself"],
)
def test_other_changes_of_log_probabilities_are_not_told(fits):
    assert both_fall.look(pairs(*fits)) is None


@pytest.mark.parametrize(("explained", "lines", "speaks"), [(0.05, 20, True), (0.06, 20, False), (-3.0, 19, False)])
def test_a_critic_that_explains_nothing_is_told_after_twenty_lines(explained, lines, speaks):
    series = {"critic__explained_variance": [explained] * lines, "ppo__returns_std": [0.5] * lines}
    assert (useless_critic.look(record("ppo", **series)) is not None) is speaks


def test_a_critic_of_returns_that_never_differ_has_nothing_to_explain():
    series = {"critic__explained_variance": [-9.0] * 20, "ppo__returns_std": [0.0] * 20}
    assert useless_critic.look(record("ppo", **series)) is None


@pytest.mark.parametrize(("apart", "speaks"), [(0.05, True), (0.049, False)])
def test_a_sampler_that_is_another_policy_is_told(apart, speaks):
    made = record(**{"sampling/sampling_logp_difference/mean": [0.0, apart, apart, apart]})
    assert (sampler_mismatch.look(made) is not None) is speaks


def test_a_judge_that_fails_is_named_with_its_share():
    finding = judges.look(
        record(completions__failed=[0.0] * 5, rewards__correctness__failed=[0.0, 0.05, 0.05, 0.05, 0.1])
    )
    assert finding.message.startswith("Reward 'correctness' failed on 5%") and finding.evidence["failed"] == 0.05
    assert judges.look(record(completions__failed=[0.04] * 5)) is None


@pytest.mark.parametrize(
    ("before", "after", "speaks"), [(0.0, 0.1, True), (0.0, 0.09, False), (0.5, 0.5, True), (0.4, 0.45, False)]
)
def test_abstentions_that_rise_or_are_half_are_told(before, after, speaks):
    finding = judges.look(record(completions__abstained=[before] * 5 + [after] * 5))
    assert (finding is not None) is speaks
    if finding:
        assert finding.evidence == pytest.approx({"abstained": after, "rise": after - before})


@pytest.mark.parametrize(("ratio", "speaks"), [(divergence.UPDATE, True), (divergence.UPDATE * 0.99, False)])
def test_updates_that_are_too_large_are_told(ratio, speaks):
    assert (divergence.look(record(update_ratio=[0.0, ratio])) is not None) is speaks


@pytest.mark.parametrize(("times", "speaks"), [(divergence.GROWTH, True), (divergence.GROWTH * 0.99, False)])
def test_logits_that_grow_are_told(times, speaks):
    finding = divergence.look(record(largest_logit=[5.0] * 3 + [5.0 * times] * 3))
    assert (finding is not None) is speaks
