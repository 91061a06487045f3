import pytest

from rewards.building.build import build
from rewards.parts.context import Context
from rl.credit.spans import StepEnds
from rl.credit.token_rewards import token_rewards
from verifiers.runtime.judge import Judge

PROMPT = "7*3-4?"
RIGHT, WRONG = "7*3=1;1-4=7#7", "7*3=2;2-4=8#8"


@pytest.fixture
def laid_out(warm):
    def make(completions, **rewards):
        tokenizer = warm[1]
        mix = build(rewards, Context(Judge("chain")))
        ids = [
            [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for text in completions
        ]
        mixed = mix.score([PROMPT] * len(ids), completions, ids, gold=["7"] * len(ids))
        return token_rewards(mixed, mix.weights_now(), ids, 20, StepEnds(tokenizer)), [len(row) for row in ids]

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


def test_a_reward_that_abstains_is_left_out_and_the_others_scaled_up(laid_out):
    silent = {"function": "tests.rl.credit.abstains:always", "weight": 3.0}
    rewards, lengths = laid_out([RIGHT], correctness={"weight": 1.0}, silent=silent)
    # the mix scales the outcome itself: 1 of 4 parts is there and counts for all
    assert rewards.all_BT[0, lengths[0] - 1] == 4.0 and rewards.known_B.tolist() == [True]


def test_where_all_abstain_nothing_is_known(laid_out):
    rewards, _ = laid_out([RIGHT], silent={"function": "tests.rl.credit.abstains:always"})
    assert rewards.known_B.tolist() == [False]
