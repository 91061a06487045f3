"""Right answers that rise without right chains, in evaluations and among the samples of rounds."""

import pytest

from rl.analysis.diagnostics.record import Record
from rl.analysis.diagnostics.wrong_chains import look


def answers_without_chains(evaluations, rounds=()):
    record = Record({"algorithm": {"name": "star"}, "rewards": {}})
    record.evaluations += evaluations
    for row in [{"step": 9}, *rounds]:
        record.add({"step": 9, **row})
    finding = look(record)
    return finding and finding.message


def evaluation(step, greedy, chain, split="validation", half=0.02):
    def interval(value):
        return None if value is None else {"value": value, "low": value - half, "high": value + half}

    return {"split": split, "step": step, "greedy": interval(greedy), "chain": interval(chain)}


def of_round(number, right, wrong, error=0.01):
    names = ("rounds/number", "rounds/right", "rounds/right_by_wrong_steps", "rounds/right_error")
    return dict(zip(names, (number, right, wrong, error), strict=True))


@pytest.mark.parametrize("chain", [0.10, 0.05, 0.18])
def test_answers_that_rise_while_chains_stay_fall_or_lag_behind_are_warned_of(chain):
    said = answers_without_chains([evaluation(0, 0.2, 0.1), evaluation(5, 0.3, 0.1), evaluation(9, 0.5, chain)])
    assert said is not None and "on validation problems rose from 0.200 to 0.500" in said
    assert f"went from 0.100 to {chain:.3f}" in said


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ((0.5, 0.4), "chains rose with the answers"),
        ((0.22, 0.0), "the rise is within its noise"),
        ((0.1, 0.0), "answers fell"),
    ],
)
def test_nothing_is_said_otherwise(after, why):
    assert answers_without_chains([evaluation(0, 0.2, 0.1), evaluation(9, *after)]) is None, why


def test_nothing_is_said_of_one_evaluation_or_without_a_step_verifier():
    assert answers_without_chains([]) is answers_without_chains([evaluation(0, 0.2, 0.1)]) is None
    assert answers_without_chains([evaluation(0, 0.2, None), evaluation(9, 0.9, None)]) is None
    assert answers_without_chains([evaluation(0, 0.2, 0.1), evaluation(0, 0.9, 0.1, split="test")]) is None


def test_test_problems_count_before_validation():
    flat = [evaluation(0, 0.2, 0.1, "test"), evaluation(9, 0.2, 0.1, "test")]
    assert answers_without_chains([*flat, evaluation(0, 0.2, 0.1), evaluation(9, 0.9, 0.1)]) is None


def test_a_rounds_samples_are_looked_at_too():
    """RL-STaR with 64 chains a problem and δ = 0.1: 0.58 of the answers are right, 6% of them by right chains."""
    drift = [of_round(0, 0.015, 0.93), of_round(1, 0.229, 0.90), of_round(5, 0.579, 0.94)]
    said = answers_without_chains([], drift)
    assert said is not None and "among a round's samples rose from 0.015 to 0.579" in said
    assert "went from 0.001 to 0.035" in said
    healthy = [of_round(0, 0.016, 0.91), of_round(3, 0.627, 0.001)]
    assert answers_without_chains([], healthy) is None
    assert answers_without_chains([], [of_round(0, None, None), of_round(1, 0.5, 0.9)]) is None
