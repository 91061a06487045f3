"""Rewards of a batch laid out over its tokens."""

import pytest

from rewards.mix import Mix
from rewards.reward import Reward, Scores
from rl.credit.spans import StepEnds
from rl.credit.token_rewards import token_rewards
from verifiers import Step


class Characters:
    def decode(self, ids, skip_special_tokens=True):
        return "".join(map(chr, ids))


class Fixed(Reward):
    def __init__(self, name, values, steps=()):
        self.name, self.values, self.steps = name, values, list(steps)

    def score(self, prompts, completions, completion_ids, **columns):
        return Scores(self.values, self.steps)


def laid_out(*rewards, credits, **settings):
    texts = ["ab;cd"] * len(rewards[0].values)
    ids = [list(map(ord, text)) for text in texts]
    mix = Mix(rewards, {reward.name: 1.0 for reward in rewards}, credits, 1.0, **settings)
    mixed = mix.score(["p"] * len(texts), texts, ids)
    return token_rewards(mixed, mix.weights_now(), ids, 5, StepEnds(Characters()))


STEPS = (Step(0, 2, "judged", 1.0), Step(3, 5, "judged", 0.0))


def test_the_outcome_is_at_the_last_token_and_step_scores_at_their_ends():
    laid = laid_out(Fixed("right", [2.0]), Fixed("steps", [0.5], [STEPS]), credits={"steps": "sum"})
    assert laid.all_BT.tolist() == [[0.0, 1.0, 0.0, 0.0, 2.0]]
    assert laid.step_BT.tolist() == [[0, 0, 1, 1, 1]]


def test_nothing_is_known_where_the_gate_abstains_whatever_a_credited_reward_says():
    gate, steps = Fixed("gate", [1.0, None, 0.0]), Fixed("steps", [0.5] * 3, [STEPS] * 3)
    laid = laid_out(gate, steps, credits={"steps": "sum"}, aggregation="gated", gate="gate")
    assert laid.known_B.tolist() == [True, False, True]  # a gate that does not pass is known: worth its own 0
    assert laid.all_BT[1].tolist() == [0.0] * 5
    assert laid.all_BT[2].sum() == 0


def test_what_an_abstaining_reward_leaves_over_goes_to_the_steps_of_the_other():
    laid = laid_out(Fixed("right", [None]), Fixed("steps", [0.5], [STEPS]), credits={"steps": "sum"})
    assert laid.known_B.tolist() == [True]
    assert laid.all_BT.tolist() == [pytest.approx([0.0, 2.0, 0.0, 0.0, 0.0])]
