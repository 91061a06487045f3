"""Preflight from samples to findings to a verdict, with figures computed by hand."""

import dataclasses

import pytest
from rich.console import Console

from rewards.sample import Judgement, Sample
from rl.analysis.evaluation import Evaluation
from rl.analysis.preflight.cost import cost
from rl.analysis.preflight.drawn import Drawn
from rl.analysis.preflight.findings import Findings, findings
from rl.analysis.preflight.of_evaluation import of_evaluation
from rl.analysis.preflight.show import in_short
from rl.analysis.preflight.verdict import verdict
from rl.config import load
from verifiers import Step, Verdict

RIGHT, WRONG = (Drawn(right, "judged", True, False, 10, float(right)) for right in (True, False))
MUTE = Drawn(False, "judged", False, True, 30, 0.0)
UNKNOWN = Drawn(None, "abstained", False, False, 10, None, failed=("mine",))
BROKEN = Drawn(None, "failed", False, False, 10, None, abstained=("mine",))


def found(*groups, greedy=(), learns="from groups"):
    return findings(groups, greedy, learns)


def test_a_sample_becomes_its_numbers():
    steps = (Step(0, 2, "judged", 1.0), Step(2, 4, "judged", 0.0), Step(4, 6, "abstained", None))
    judged = {"steps": Judgement(0.5, "judged", 2.0, 1.0, steps=steps), "mine": Judgement(None, "failed")}
    sample = Sample({}, "text", [1, 2, 3], "length", verdict=Verdict("judged", 0.0), reward=1.5, rewards=judged)
    one = Drawn.of(sample, ["steps"])
    assert one == Drawn(False, "judged", False, True, 3, 1.5, 2.0, {"steps": 1.0}, failed=("mine",))
    assert Drawn.of(sample).credit == 0.0


def test_shares_are_counted_by_hand():
    of = found([RIGHT, WRONG, WRONG, MUTE], [WRONG, WRONG, UNKNOWN, BROKEN], greedy=[RIGHT, UNKNOWN])
    assert (of.problems, of.group) == (2, 4)
    assert (of.judged, of.abstained, of.failed) == (0.75, 0.125, 0.125)
    assert of.answered == pytest.approx(5 / 6) and of.cut_off == 0.125
    assert of.tokens == 12.5 and of.right == pytest.approx(1 / 6) and of.greedy == 1.0
    assert (of.pass_at_k, of.headroom, of.mixed, of.signal) == (0.5, -0.5, 0.5, 0.5)
    assert of.gradient == 0.6  # 60 of 100 tokens are in the group with a signal
    assert of.format_gain == pytest.approx(1 / 5 - 1 / 6)
    assert of.rewards_failed == {"mine": 0.125} and of.rewards_abstained == {"mine": 0.125}


def test_imitation_learns_from_every_group_with_a_right_completion():
    groups = [RIGHT, RIGHT], [WRONG, WRONG], [RIGHT, WRONG]
    assert found(*groups).signal == pytest.approx(1 / 3)
    assert found(*groups, learns="from right ones").signal == pytest.approx(2 / 3)


def test_a_critic_learns_from_every_group_that_does_not_earn_what_most_do():
    groups = [RIGHT, RIGHT], [WRONG, WRONG], [WRONG, WRONG], [RIGHT, WRONG]
    assert found(*groups).signal == 0.25
    assert found(*groups, learns="from draws").signal == 0.5
    assert found([RIGHT, RIGHT], [RIGHT, RIGHT], learns="from draws").signal == 0.0


def test_steps_that_differ_are_a_signal_where_outcomes_do_not():
    assert found([WRONG, dataclasses.replace(WRONG, credit=0.5)]).signal == 1.0
    assert found([WRONG, WRONG]).signal == 0.0


def test_without_rewards_the_signal_is_that_of_answers():
    asked = [dataclasses.replace(one, reward=None) for one in (RIGHT, WRONG)]
    of = found(asked, [asked[1], asked[1]])
    assert of.signal == 0.5 and of.agreement is None and not of.has_rewards


def mixed(right, *, answer, length):
    """A completion whose reward is that of the answer and one for length."""
    parts = {"correctness": answer, "length": length}
    return Drawn(right, "judged", True, False, 10, answer + length, contributions=parts)


def test_what_each_reward_carries_and_whether_the_reward_agrees_with_the_verifier():
    of = found([mixed(True, answer=1.0, length=0.0), mixed(False, answer=0.0, length=3.0)])
    # centred: the answer ±0.5, length ∓1.5, the sum ∓1
    assert of.shares == pytest.approx({"correctness": -0.5, "length": 1.5}) and of.agreement == pytest.approx(-1.0)
    assert found([RIGHT, WRONG], [WRONG, WRONG]).agreement == pytest.approx(1.0)


HEALTHY = Findings(
    problems=16, group=8, judged=1.0, abstained=0.0, failed=0.0, answered=1.0, cut_off=0.0, tokens=12.0, right=0.3,
    greedy=0.3, pass_at_k=0.8, mixed=0.7, signal=0.7, gradient=0.7, format_gain=0.0, agreement=0.9,
    shares={"correctness": 0.8, "length": 0.2}, rewards_failed={}, rewards_abstained={},
)  # fmt: skip


def test_a_healthy_start_will_learn():
    assert verdict(HEALTHY).word == "will learn" and verdict(HEALTHY).remedy is None


def row(right, finish_reason="stop", status="judged"):
    score = float(right) if status == "judged" else None
    return {"score": score, "status": status, "extracted": "7", "finish_reason": finish_reason}


EVALUATION = Evaluation(
    "test", 2, 2, {}, {}, {}, 0, [row(False), row(False)], [[row(True), row(False)], [row(False), row(False, "length")]]
)


def test_the_short_form_sees_the_signal_of_answers_and_says_what_decides_in_a_line(capsys):
    found, judged = of_evaluation(load("configs/grpo.yaml"), EVALUATION)
    in_short(Console(width=200), found, judged)
    assert capsys.readouterr().out == (
        "preflight: doubtful (50% of 2 problems teach something, pass@2 50.0% over greedy 0.0%, 25% cut off, "
        "100% judged)\n  25% of the completions are cut off before they end; what may help: raise "
        "sampling.max_tokens, ask for shorter answers, or set sampling.stop to what ends one\n"
    )


def test_the_short_form_does_not_rule_out_what_other_rewards_teach():
    same = dataclasses.replace(EVALUATION, samples=[[row(False), row(False)]])
    assert of_evaluation(load("configs/grpo.yaml"), same)[1].word == "will not learn"
    assert of_evaluation(load("configs/grpo_steps.yaml"), same)[1].word == "doubtful"


def test_there_is_no_short_form_without_samples():
    assert of_evaluation(load("configs/grpo.yaml"), dataclasses.replace(EVALUATION, k=0, samples=[[], []])) is None


@pytest.mark.parametrize(
    ("change", "word", "remedy"),
    [
        ({"signal": 0.03}, "will not learn", "raise sampling.temperature"),
        ({"signal": 0.03, "right": 0.0}, "will not learn", "use easier problems"),
        ({"signal": 0.03, "right": 1.0}, "will not learn", "use harder problems"),
        ({"signal": 0.04}, "doubtful", "raise sampling.temperature"),
        ({"signal": 0.19}, "doubtful", "raise sampling.temperature"),
        ({"signal": 0.2}, "will learn", None),
        ({"pass_at_k": 0.0, "right": 0.0, "greedy": 0.0}, "doubtful", "use easier problems"),
        ({"pass_at_k": 0.34}, "doubtful", "raise sampling.temperature"),
        ({"pass_at_k": 0.34, "group": 3}, "will learn", None),
        ({"pass_at_k": 1.0, "greedy": 0.96}, "doubtful", "use harder problems"),
        ({"judged": 0.89}, "doubtful", "see what it can read"),
        ({"judged": 0.49}, "will not learn", "see what it can read"),
        ({"cut_off": 0.2}, "doubtful", "raise sampling.max_tokens"),
        ({"cut_off": 0.8}, "will not learn", "raise sampling.max_tokens"),
        ({"agreement": 0.7}, "will learn", None),
        ({"agreement": 0.69}, "doubtful", "raise the weight"),
        ({"agreement": 0.05}, "will not learn", "raise the weight"),
        ({"agreement": 0.05, "shares": {"a": 0.95, "b": 0.05}}, "will not learn", "lower rewards.a.weight"),
        ({"rewards_failed": {"a": 0.2}}, "doubtful", "fix 'a'"),
        ({"rewards_failed": {"a": 0.21}}, "will not learn", "fix 'a'"),
        ({"rewards_abstained": {"a": 0.11}}, "doubtful", "read what 'a' cannot judge"),
    ],
)
def test_each_bound_decides_at_its_number(change, word, remedy):
    judged = verdict(dataclasses.replace(HEALTHY, **change), error_budget=0.2)
    assert judged.word == word
    assert judged.remedy is None if remedy is None else judged.remedy.startswith(remedy)


def test_the_gravest_reason_comes_first():
    judged = verdict(dataclasses.replace(HEALTHY, cut_off=0.3, signal=0.0))
    assert [reason.stops for reason in judged.reasons] == [True, False]
    assert judged.reasons[0].what.startswith("0% of the groups")


def test_rewards_that_were_not_asked_may_have_a_signal():
    judged = verdict(dataclasses.replace(HEALTHY, signal=0.0), answers_alone=True)
    assert judged.word == "doubtful" and "by their answers" in judged.reasons[0].what


SIZES = {"train": 100, "validation": 100, "test": 100}


def test_no_more_problems_are_evaluated_than_there_are():
    config = load("configs/ppo.yaml", ["trainer.max_steps=16", "evaluation={n: 1000, k: 1, every: 0}"])
    assert cost(config, 16, 10.0, 0.5, 0.01, {**SIZES, "test": 9}).evaluated == 2 * 9 * 2


def test_what_a_training_comes_to():
    small = ["trainer.max_steps=16", "evaluation={n: 10, k: 2, every: 8, validation_n: 5}"]
    config = load("configs/ppo.yaml", small)
    # two draws of 128; two tests of 10 and three validations of 5, each greedily and twice
    of = cost(config, 16, tokens=10.0, draw_seconds=0.5, pass_seconds=0.01, problems=SIZES)
    assert (of.completions, of.evaluated, of.tokens) == (256, 105, 3610.0)
    # of each completion: forward and backward (3), the log-probabilities, values, and the critic's epoch (3)
    assert of.seconds == pytest.approx(361 * 0.5 + 256 * 8 * 0.01)


def test_what_rounds_come_to():
    small = ["algorithm.prompts=10", "evaluation={n: 10, k: 0, every: 0, validation_n: 5}"]
    config = load("configs/dpo.yaml", small)
    of = cost(config, 60, tokens=10.0, draw_seconds=0.0, pass_seconds=1.0, problems=SIZES)
    assert (of.completions, of.evaluated) == (3 * 10 * 8, 20 + 15)
    # three fits of 60 steps of 64 pairs: two completions, forward and backward, and the reference
    assert of.seconds == 3 * 60 * 64 * 2 * 4
