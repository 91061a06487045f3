from dataclasses import replace

import pytest
import torch

from rewards.building.build import build
from rewards.parts.context import Context
from rewards.sample import Judgement, Sample
from rl.credit.spans import StepEnds
from rl.credit.token_rewards import token_rewards
from rl.sampling.judge import judge
from verifiers import Step
from verifiers.runtime.verifier import Verifier

PROMPT = "7*3-4?"
RIGHT, WRONG = "7*3=1;1-4=7#7", "7*3=2;2-4=8#8"


@pytest.fixture
def laid_out(warm):
    def make(completions, **rewards):
        tokenizer, verifier = warm[1], Verifier("chain")
        mix = build(rewards, Context(verifier))
        row = {"prompt": PROMPT, "gold": "7"}
        ids = [
            [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for text in completions
        ]
        samples = [Sample(row, text, own, "stop") for text, own in zip(completions, ids, strict=True)]
        judged = judge(samples, verifier, mix)
        return token_rewards(judged, mix.credits, 20, StepEnds(tokenizer)), [len(own) for own in ids]

    return make


def test_the_outcome_stands_at_the_last_token(laid_out):
    rewards, lengths = laid_out([RIGHT, WRONG], correctness={"weight": 2.0})
    assert rewards.all_BT[0].nonzero().tolist() == [[lengths[0] - 1]] and rewards.all_BT[0, lengths[0] - 1] == 2.0
    assert (rewards.all_BT[1] == 0).all()
    assert (rewards.step_BT == 0).all()


def test_step_rewards_stand_at_the_ends_of_their_steps(laid_out):
    rewards, _ = laid_out([RIGHT], steps={"kind": "correctness", "credit": "sum", "weight": 0.5})
    # one token a character: the steps end at characters 4 and 10
    assert rewards.to_go_BT[0].nonzero()[:, 0].tolist() == [4, 10]
    assert rewards.to_go_BT[0, [4, 10]].tolist() == [0.5, 0.5]
    assert rewards.step_BT[0, [0, 4, 5, 10, 11]].tolist() == [0, 0, 1, 1, 2]


def test_a_rule_about_a_step_alone_is_kept_apart(laid_out):
    rewards, _ = laid_out(
        [WRONG], correctness={}, steps={"kind": "correctness", "credit": "first_error", "weight": 1.0}
    )
    assert rewards.own_BT[0, 4] == -1.0 and (rewards.own_BT[0, 5:] == 0).all()
    assert (rewards.to_go_BT == 0).all()


def test_a_reward_that_abstains_on_everything_changes_nothing(laid_out):
    silent = {"function": "tests.rl.credit.abstains:always", "weight": 3.0}
    rewards, lengths = laid_out([RIGHT], correctness={"weight": 1.0}, silent=silent)
    assert rewards.all_BT[0, lengths[0] - 1] == 1.0 and rewards.known_B.tolist() == [True]


def credited(reward, steps, status="judged"):
    return Sample(
        {"prompt": "p", "gold": "g"}, "abcd", [1, 2, 3], "stop", reward=reward,
        rewards={
            "outcome": Judgement(1.0, "judged", weight=2.0, contribution=2.0),
            "steps": Judgement(None if status != "judged" else 0.5, status, weight=0.5, contribution=9.0, steps=steps),
        },
    )  # fmt: skip


def test_steps_that_nobody_could_score_earn_what_those_of_the_siblings_earn():
    def ends(ids, steps):
        return [step.end - 1 for step in steps]

    one, none = (Step(0, 1, "judged", 1.0), Step(1, 2, "judged", 1.0)), (Step(0, 1, "judged", 0.0),)
    samples = [credited(3.0, one), credited(2.0, none), credited(2.0, (), "abstained")]
    rewards = token_rewards(samples, {"steps": "sum"}, 3, ends)
    # the outcome's 2 at the last token; steps of weight 0.5 at their ends; the mean of 1.0 and 0.0 for the third
    assert rewards.to_go_BT.tolist() == [[0.5, 0.5, 2.0], [0.0, 0.0, 2.0], [0.0, 0.0, 2.5]]
    assert rewards.step_BT.tolist() == [[0, 1, 2], [0, 1, 1], [0, 0, 0]]


def test_where_all_abstain_nothing_is_known(laid_out):
    rewards, _ = laid_out([RIGHT], silent={"function": "tests.rl.credit.abstains:always"})
    assert rewards.known_B.tolist() == [False]


def test_below_a_closed_gate_steps_neither_count_nor_are_part_of_a_mean():
    def gated(weight, status, steps=()):
        said = Judgement(0.5 if status == "judged" else None, status, weight=weight, contribution=0.0, steps=steps)
        return Sample({"prompt": "p"}, "abcd", [1, 2], "stop", reward=0.0, rewards={"steps": said})

    def ends(ids, steps):
        return [step.end - 1 for step in steps]

    right = (Step(0, 1, "judged", 1.0),)
    samples = [gated(2.0, "judged", right), gated(2.0, "abstained"), gated(0.0, "judged"), gated(0.0, "abstained")]
    rewards = token_rewards(samples, {"steps": "sum"}, 2, ends)
    # the first earns 2 at its step's end; the second that mean at its last token; below the gate nothing
    assert rewards.to_go_BT.tolist() == [[2.0, 0.0], [0.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


def test_steps_that_end_at_one_token_earn_there_together():
    steps = (Step(0, 1, "judged", 1.0), Step(1, 2, "judged", 0.5))
    rewards = token_rewards([credited(3.0, steps)], {"steps": "sum"}, 3, lambda ids, steps: [1, 1])
    assert rewards.to_go_BT.tolist() == [[0.0, 0.75, 2.0]]


def test_steps_after_one_that_abstained_are_credited():
    def ends(ids, steps):
        return [step.end - 1 for step in steps]

    samples = [credited(2.0, (), "abstained"), credited(3.0, (Step(0, 1, "judged", 1.0),))]
    assert token_rewards(samples, {"steps": "sum"}, 3, ends).to_go_BT[1].tolist() == [0.5, 0.0, 2.0]


def test_a_completion_of_one_token_is_known_and_one_of_none_is_not():
    samples = [replace(credited(2.0, (), "abstained"), ids=ids) for ids in ([1], [])]
    rewards = token_rewards(samples, {}, 2, lambda ids, steps: []).to(torch.device("cpu"))
    assert rewards.known_B.tolist() == [True, False]
    # the outcome's 2 and the steps' 9, neither of which has a credit rule here
    assert rewards.to_go_BT.tolist() == [[11.0, 0.0], [0.0, 0.0]] and not rewards.own_BT.any()


def of_tokens(tokens, status="judged", weight=0.5):
    return Sample(
        {"prompt": "p", "gold": "g"}, "abc", [1, 2, 3], "stop", reward=1.0,
        rewards={
            "outcome": Judgement(1.0, "judged", weight=1.0, contribution=1.0),
            "teacher": Judgement(0.0 if status == "judged" else None, status, weight=weight, tokens=tokens),
        },
    )  # fmt: skip


def test_scores_of_tokens_stand_at_their_tokens_beside_the_outcome():
    samples = [of_tokens((0.5, -1.0, -2.0)), of_tokens((-1.0,)), of_tokens((-8.0,) * 3, weight=0.0)]
    rewards = token_rewards(samples, {"teacher": "token"}, 4, None)
    assert rewards.token_BT.tolist() == [[0.25, -0.5, -1.0, 0.0], [-0.5, 0.0, 0.0, 0.0], [0.0] * 4]
    assert rewards.to_go_BT.tolist() == [[0.0, 0.0, 1.0, 0.0]] * 3
    assert rewards.all_BT[0].tolist() == [0.25, -0.5, 0.0, 0.0]
    assert (rewards.step_BT == 0).all() and rewards.known_B.all()


@pytest.mark.parametrize("status", ["abstained", "failed"])
def test_nothing_is_learnt_of_a_completion_whose_tokens_nobody_scored(status):
    samples = [of_tokens((), status), of_tokens((-1.0, -1.0, -1.0))]
    rewards = token_rewards(samples, {"teacher": "token"}, 3, None)
    assert rewards.known_B.tolist() == [False, True]
    assert rewards.all_BT.tolist() == [[0.0, 0.0, 0.0], [-0.5, -0.5, 0.5]]


def test_a_reward_on_the_rationale_counts_at_the_token_that_ends_it(laid_out):
    on_rationale = {"kind": "correctness", "weight": 2.0, "credit_on": "rationale"}
    rewards, _ = laid_out([RIGHT, "7*3=1;1-4=7"], mine=on_rationale)
    # one token a character: the marker # is token 11; a completion without it is rationale to its last token, 11 too
    assert rewards.to_go_BT.nonzero().tolist() == [[0, 11]] and rewards.to_go_BT[0, 11] == 2.0
    assert rewards.counts_BT.sum(1).tolist() == [12, 12]
    assert rewards.step_BT[0, [0, 11, 12, 13]].tolist() == [0, 0, 1, 1]


def test_an_answer_without_a_rationale_is_credited_to_the_marker(laid_out):
    rewards, _ = laid_out(["#7"], mine={"kind": "correctness", "credit_on": "rationale"})
    assert rewards.to_go_BT[0].nonzero().tolist() == [[0]] and rewards.counts_BT[0].sum() == 1


def test_a_token_counts_where_any_reward_of_some_weight_is_credited_to_it(laid_out):
    mine = {"kind": "correctness", "credit_on": "rationale"}
    seen, lengths = laid_out([RIGHT], correctness={"weight": 0.0}, mine=mine)
    both, _ = laid_out([RIGHT], correctness={"weight": 0.5}, mine=mine)
    assert seen.counts_BT[0].sum() == 12 and both.counts_BT[0].sum() == lengths[0] == 14
    assert both.to_go_BT[0].nonzero()[:, 0].tolist() == [11, 13] and both.to_go_BT[0, 13] == 0.5
    nothing, _ = laid_out([RIGHT], correctness={"weight": 0.0})
    assert nothing.counts_BT[0].sum() == lengths[0]
