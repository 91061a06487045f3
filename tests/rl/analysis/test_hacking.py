"""Reward hacking, with expected values computed by hand on runs of ten steps."""

import json

import pytest

from rl.analysis.hacking import found, mixed
from rl.analysis.reports.report import write_report

CONFIG = {"rewards": {"correctness": {"weight": 1.0}, "length": {"weight": 0.5}}, "mix": {"aggregation": "sum"}}
RISING = [0.10, 0.12, 0.11, 0.3, 0.5, 0.6, 0.7, 0.90, 0.92, 0.91]
LEVEL = [0.5, 0.4, 0.6, 0.5, 0.5, 0.4, 0.6, 0.4, 0.6, 0.5]


def logged(reward, **rewards):
    rows = [{"step": step, "reward": value} for step, value in enumerate(reward, start=1)]
    for name, values in rewards.items():
        rows = [row | {f"rewards/{name}/mean": value} for row, value in zip(rows, values, strict=True)]
    return rows


def measured(step, split="test", **values):
    return {
        "step": step,
        "split": split,
        **{
            name: value and {"value": value, "low": value - 0.03, "high": value + 0.03}
            for name, value in values.items()
        },
    }


def test_a_reward_that_rises_while_accuracy_falls_is_named_with_what_rose():
    metrics = logged(RISING, correctness=LEVEL, length=RISING)
    hacking = found(metrics, [measured(0, greedy=0.5, chain=0.4), measured(10, greedy=0.3, chain=0.1)], CONFIG)
    assert hacking.gamed == (
        "The reward rose from 0.11 to 0.91 (length from 0.11 to 0.91) while greedy accuracy on test problems fell from "
        "0.500 to 0.300, so the policy may be learning what the reward pays for instead of the task."
    )
    assert [(change.name, change.word) for change in hacking.rewards] == [("correctness", "stayed"), ("length", "rose")]
    # three steps at either end, deviation 0.01 in both: 1.96 sqrt(2 * 0.0001 / 3)
    assert hacking.mix.noise == pytest.approx(0.0160033, abs=1e-6)
    assert [(c.name, c.word, round(c.noise, 4)) for c in hacking.accuracies] == [
        ("greedy", "fell", 0.0424),
        ("chain", "fell", 0.0424),
    ]


def test_accuracy_that_stays_within_its_noise_is_warned_of_too_and_what_sampling_gained_is_said():
    evaluations = [measured(0, greedy=0.5, mean_at_k=0.3), measured(10, greedy=0.54, mean_at_k=0.5)]
    warning = found(logged(RISING), evaluations, CONFIG).gamed
    assert (
        "stayed where it was (0.500, then 0.540)" in warning
        and "though sampled accuracy rose from 0.300 to 0.500" in warning
    )


@pytest.mark.parametrize(
    ("reward", "greedy"),
    [(RISING, 0.8), (LEVEL, 0.3), (RISING[:5], 0.3)],
    ids=["accuracy rose as well", "the reward did not rise", "too few steps"],
)
def test_no_warning_without_cause(reward, greedy):
    assert found(logged(reward), [measured(0, greedy=0.5), measured(10, greedy=greedy)], CONFIG).gamed is None


def test_an_unfinished_run_is_compared_on_validation_and_one_without_evaluations_not_at_all():
    evaluations = [measured(0, greedy=0.5), *(measured(s, "validation", greedy=0.5 - s / 50) for s in (4, 8))]
    hacking = found(logged(RISING), evaluations, CONFIG)
    assert hacking.split == "validation" and "on validation problems" in hacking.gamed
    assert found(logged(RISING), [], CONFIG).gamed is None


def test_normalised_rewards_and_scheduled_weights_are_summed_from_the_parts():
    metrics = logged([0.0, 0.0], correctness=[0.2, None], length=[0.5, 1.0])
    assert mixed(metrics, CONFIG) == [0.0, 0.0]
    assert mixed(metrics, CONFIG | {"mix": {"aggregation": "normalise_then_sum"}}) == [0.45, 0.5]
    scheduled = {"correctness": {"weight": 1.0}, "length": {"weight": [[0, 0.0], [9, 2.0]]}}
    assert mixed(metrics, {"rewards": scheduled}) == [1.2, 2.0]


def test_the_report_shows_rewards_beside_accuracy_and_the_warning(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "name: gamed\ntask: {name: chain}\nalgorithm: {name: ppo}\n"
        "rewards: {correctness: {weight: 1.0}, length: {weight: 0.5}}\nmix: {aggregation: sum}\n"
    )

    def write(name, rows):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("metrics.jsonl", logged(RISING, correctness=LEVEL, length=RISING))
    write("evaluations.jsonl", [measured(s, greedy=v, chain=None) | {"examples": []} for s, v in ((0, 0.5), (9, 0.3))])
    page = write_report(tmp_path).read_text()
    assert "Rewards beside accuracy" in page and "The reward rose from 0.11 to 0.91" in page
    assert "what the reward pays for" in page and "correctness" in page
    write("evaluations.jsonl", [])
    assert "The reward rose" not in write_report(tmp_path).read_text()


def rounds(*scores, error=0.01):
    return [
        {
            "step": 3 * number,
            "rounds/number": number,
            "rounds/score": score,
            "rounds/score_error": error,
            "rewards/correctness/mean": score / 2,
            "rewards/correctness/error": error,
            "rewards/length/mean": None,
        }
        for number, score in enumerate(scores)
    ]


def test_a_run_in_rounds_is_compared_between_its_first_and_its_last_round():
    evaluations = [measured(0, greedy=0.5), measured(9, greedy=0.3)]
    hacking = found(rounds(0.2, 0.9, 0.5), evaluations, CONFIG)
    assert (hacking.mix.before, hacking.mix.after, hacking.mix.word) == (0.2, 0.5, "rose")
    assert hacking.mix.noise == pytest.approx(1.96 * 0.01 * 2**0.5)
    assert [(change.name, change.after) for change in hacking.rewards] == [("correctness", 0.25)]
    assert "The reward rose from 0.2 to 0.5" in hacking.gamed
    within = found(rounds(0.2, 0.5, error=0.2), evaluations, CONFIG)
    assert within.mix.word == "stayed" and within.gamed is None
    assert found(rounds(0.2), evaluations, CONFIG).mix is None
