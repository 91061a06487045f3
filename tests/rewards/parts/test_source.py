"""The model that a reward's section of the config names."""

import pytest

from rewards.parts.context import Context
from rewards.parts.source import source
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("chain"))


def test_the_policy_is_given_as_it_is_at_the_call(model_folder):
    pairs = iter(["first", "second"])
    ask = source({"model": "policy"}, Context(Verifier("chain"), policy=lambda: next(pairs)), "causal", policy=True)
    assert [ask(), ask()] == ["first", "second"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "model: is needed: one that answers, or `policy`"),
        ({"model": "policy"}, "there is no policy here"),
        ({"model": "no/such/model"}, "the model 'no/such/model' could not be loaded"),
    ],
)
def test_a_model_that_is_not_there_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        source(settings, HERE, "causal", policy=True, purpose="one that answers")


def test_a_reward_that_needs_a_frozen_model_refuses_the_policy():
    with pytest.raises(ValueError, match="needs a frozen model"):
        source({"model": "policy"}, HERE, "sequence")
