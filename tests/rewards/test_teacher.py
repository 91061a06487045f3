"""The log-ratio of a teacher to the policy, token by token, against plain forward passes."""

import math

import pytest
import torch
from transformers import LlamaForCausalLM

from rewards.building.build import build
from rewards.models.prompts import prompt_ids
from rewards.parts.context import Context
from rl.policy import warm_start
from verifiers.runtime.verifier import Verifier

PROMPT, TEXTS = "7*3-4?", ["7*3=1;1-4=7#7", "1#1", ""]


@pytest.fixture
def other(warm, tmp_path):
    """The folder of a random model with the policy's vocabulary."""
    torch.manual_seed(3)
    LlamaForCausalLM(warm[0].config).save_pretrained(tmp_path / "other")
    warm[1].save_pretrained(tmp_path / "other")
    return str(tmp_path / "other")


@pytest.fixture
def reward(warm):
    def make(**settings):
        context = Context(Verifier("chain"), policy=lambda: warm, base=lambda: warm)
        return build({"teacher": settings}, context).rewards[0]

    return make


def ids_of(warm, text):
    return [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id] if text else []


def logprobs(model, before, ids):
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([before + ids])).logits[0, len(before) - 1 : -1]
    return logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]


def asked(reward, warm, texts=TEXTS, prompt=PROMPT, gold="7"):
    size = len(texts)
    return reward.score([prompt] * size, texts, [ids_of(warm, text) for text in texts], gold=[gold] * size)


def test_each_token_has_its_log_ratio_and_the_value_is_their_mean(warm, other, reward):
    made = reward(model=other)
    found, before = asked(made, warm), prompt_ids(PROMPT, warm[1])
    for place, text in enumerate(TEXTS[:2]):
        ids = ids_of(warm, text)
        wanted = logprobs(made.model()[0], before, ids) - logprobs(warm[0], before, ids)
        assert found.tokens[place] == pytest.approx(wanted.tolist(), abs=1e-4)
        assert found.values[place] == pytest.approx(wanted.mean().item(), abs=1e-4)
    assert found.values[2] is None and found.tokens[2] == () and found.failures == {}
    clipped = asked(reward(model=other, options={"clip": 0.5}), warm)
    assert clipped.tokens[0] == pytest.approx([max(-0.5, min(0.5, r)) for r in found.tokens[0]])
    assert min(clipped.tokens[0]) == -0.5


def test_the_policy_itself_shown_the_answer_or_a_right_sibling_teaches(warm, reward):
    plain = prompt_ids(PROMPT, warm[1])
    found = asked(reward(model="policy", options={"prompt": "{prompt}{gold}?"}), warm)
    ids = ids_of(warm, TEXTS[1])
    wanted = logprobs(warm[0], prompt_ids(f"{PROMPT}7?", warm[1]), ids) - logprobs(warm[0], plain, ids)
    assert found.tokens[1] == pytest.approx(wanted.tolist(), abs=1e-4) and max(map(abs, found.tokens[1])) > 0.01
    found = asked(reward(model="base", options={"prompt": "{prompt}{sibling}?"}), warm)
    wanted = logprobs(warm[0], prompt_ids(f"{PROMPT}{TEXTS[0]}?", warm[1]), ids) - logprobs(warm[0], plain, ids)
    assert found.values[0] is None  # it is the only right one
    assert found.tokens[1] == pytest.approx(wanted.tolist(), abs=1e-4)
    assert asked(reward(model="base"), warm).tokens[1] == pytest.approx([0.0] * len(ids), abs=1e-6)


def test_a_completion_that_the_teacher_has_no_room_for_abstains_and_one_without_a_number_fails(warm, reward):
    broken = LlamaForCausalLM(warm[0].config)
    made = reward(model="base", options={"prompt": "{gold}{prompt}"})
    made.model = lambda: (broken, warm[1])
    assert asked(made, warm, gold="7" * 520).values == [None] * 3
    torch.nn.init.constant_(broken.model.norm.weight, math.nan)
    found = asked(made, warm)
    assert found.values == [None] * 3 and list(found.failures) == [0, 1]


def test_a_teacher_of_another_vocabulary_is_refused(warm, other, reward):
    of_id = {place: token for token, place in warm[1].get_vocab().items()}
    vocabulary = [of_id[place] for place in sorted(of_id) if of_id[place] not in warm_start.SPECIAL]
    warm_start.build_tokenizer(tuple(vocabulary[::-1])).save_pretrained(other)
    with pytest.raises(ValueError, match="model: it has another vocabulary than the policy"):
        reward(model=other).meet_policy()
    reward(model="base").meet_policy()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "model: is needed"),
        ({"model": "policy"}, "prompt: the policy in training has nothing to learn from itself"),
        ({"model": "base", "options": {"prompt": "answer"}}, "shows no column"),
        ({"model": "base", "options": {"prompt": 3}}, "expected a text with columns in braces, got 3"),
        ({"model": "base", "options": {"clip": 0}}, "clip: expected more than 0, got 0"),
        ({"model": "./nowhere"}, "there is no such folder"),
        ({"model": "base", "credit": "sum"}, "credit: 'sum' is not one; there are: token"),
    ],
)
def test_settings_that_make_no_sense_are_refused(reward, settings, message):
    with pytest.raises(ValueError, match=r"teacher: ") as error:
        reward(**settings)
    assert message in str(error.value)


def test_without_a_policy_there_is_nothing_to_compare_with():
    with pytest.raises(ValueError, match="compares a teacher with the policy that drew the completions"):
        build({"teacher": {"model": "base"}}, Context(Verifier("chain")))
