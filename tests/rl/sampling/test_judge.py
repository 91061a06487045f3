"""`judge` is the only place that calls the verifier and the rewards, and it verifies each completion once."""

import functools

import pytest

import verifiers.chain
from rewards.building.build import build
from rewards.parts.context import Context
from rewards.sample import Sample
from rl.sampling.judge import judge
from verifiers import judged
from verifiers.runtime.verifier import Verifier

ROW = {"prompt": "7*3-4?", "gold": "7", "prompts": "a column of the data", "level": 3}
RIGHT, WRONG = "7*3=1;1-4=7#7", "7*3=2;2-4=8#8"


def samples(*texts, row=ROW):
    return [Sample(row, text, [1], "stop") for text in texts]


@pytest.fixture
def calls(monkeypatch):
    seen, plain = [], verifiers.chain.verify

    @functools.wraps(plain)  # whose signature says which columns it needs
    def counted(prediction, gold, **given):
        seen.append(prediction)
        return plain(prediction, gold, **given)

    monkeypatch.setattr(verifiers.chain, "verify", counted)
    return seen


def test_each_completion_is_verified_once_however_many_rewards_ask(calls):
    verifier = Verifier("chain")
    rewards = {"correctness": {}, "steps": {}, "named": {"kind": "correctness", "verifier": "chain"}}
    mix = build(rewards, Context(verifier))
    calls.clear()
    made = judge(samples(RIGHT, WRONG), verifier, mix)
    assert calls == [RIGHT, WRONG]
    assert [one.right for one in made] == [True, False]
    assert [one.reward for one in made] == [3.0, 0.5]  # the wrong chain has one right step of two
    assert made[1].rewards["steps"].steps == made[1].steps


def test_another_verifier_of_a_reward_is_asked_too(calls):
    verifier = Verifier("chain")
    mix = build({"exact": {"kind": "correctness", "verifier": "exact"}}, Context(verifier))
    (one,) = judge(samples(RIGHT), verifier, mix)
    assert one.right is True and one.rewards["exact"].value is not None


def test_verdicts_of_one_batch_are_forgotten_after_it(monkeypatch):
    verifier = Verifier("chain")
    judge(samples(RIGHT), verifier)
    monkeypatch.setattr(verifier, "_verify", lambda prediction, gold, **given: judged(0.0, "changed"))
    (one,) = judge(samples(RIGHT), verifier)
    assert one.verdict.reason == "changed"


def test_without_rewards_there_is_a_verdict_alone():
    (one,) = judge(samples(RIGHT), Verifier("chain"))
    assert one.right is True and one.reward is None and one.rewards == {}
    assert judge([], Verifier("chain")) == []


def test_rewards_get_every_column_but_those_of_trls_own_names():
    seen = {}

    class Mix:
        def score(self, prompts, completions, completion_ids, **columns):
            seen.update(columns, given=(prompts, completions, completion_ids))
            raise LookupError

    with pytest.raises(LookupError):
        judge(samples(RIGHT), Verifier("chain"), Mix(), trainer_state="state")
    assert seen == {"gold": ["7"], "level": [3], "trainer_state": "state", "given": (["7*3-4?"], [RIGHT], [[1]])}


def test_completions_of_chat_prompts_are_messages_to_rewards():
    seen = []

    class Mix:
        def score(self, prompts, completions, completion_ids, **columns):
            seen.extend(completions)
            raise LookupError

    chat = {"prompt": [{"role": "user", "content": "7*3-4?"}], "gold": "7"}
    with pytest.raises(LookupError):
        judge(samples(RIGHT, row=chat), Verifier("chain"), Mix())
    assert seen == [[{"role": "assistant", "content": RIGHT}]]
