"""Reward models of the whole completion: values by hand and by transformers' own call, and invalid input."""

import math
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from rewards.building.build import build
from rewards.parts.context import Context
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("math"))
LOGIT = math.log(3)  # its sigmoid is 3/4
TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[go]{% endif %}"
)


@pytest.fixture(scope="session")
def model(known_folder):
    """A model that returns log 3 for a text that ends in 1, NaN for one that ends in 9, and 0 for any other."""
    return known_folder("sequence", {"1": [LOGIT], "9": [math.nan]})


def made(model, **options):
    (reward,) = build({"outcome": {"model": model, "options": options}}, HERE).rewards
    return reward


def values(reward, completions, prompt: Any = "7+4?"):
    return reward([prompt] * len(completions), completions)


def test_the_value_is_the_logit_or_its_sigmoid(model):
    assert values(made(model), ["1", "12"]) == pytest.approx([LOGIT, 0.0])
    assert values(made(model, sigmoid=True), ["1", "12"]) == pytest.approx([0.75, 0.5])


def test_of_several_classes_it_is_the_probability_of_the_right_ones(known_folder):
    two = known_folder("sequence", {"1": [0.0, LOGIT]}, labels=2)
    assert values(made(two), ["1", "2"]) == pytest.approx([0.75, 0.5])
    assert values(made(two, right=[0]), ["1"]) == pytest.approx([0.25])
    with pytest.raises(ValueError, match="sigmoid: the model has 2 classes"):
        made(two, sigmoid=False)


def test_tinygsms_verifier_is_read_at_the_last_token(known_folder):
    verifier = known_folder("token", {"1": [LOGIT], "2": [-LOGIT]})
    assert values(made(verifier, format="token"), ["11112", "2221", ""]) == pytest.approx([0.25, 0.75, 0.5])
    assert values(made(verifier, format="token", sigmoid=False), ["1"]) == pytest.approx([LOGIT])


def test_values_are_those_of_transformers_own_batch(model_folder):
    folder = model_folder("sequence", num_labels=1)
    loaded, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    texts = ["quell weighs 5.", "(A)", "koba weighs 3. So the answer is quell."]
    batch = tokenizer(["7+4?" + text for text in texts], padding=True, padding_side="right", return_tensors="pt")
    with torch.no_grad():
        expected = loaded(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0].tolist()
    assert values(made(folder), texts) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == 3


def test_chat_messages_are_put_together_by_the_models_template(model_folder):
    folder = model_folder("sequence", num_labels=1)
    prompt, answer = [{"role": "user", "content": "7+4?"}], [{"role": "assistant", "content": "11"}]
    joined = values(made(folder), ["11"], "7+4?\n")
    assert values(made(folder), [answer], prompt) == joined  # without a template
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    expected = values(made(folder), ["[assistant]11"], "[user]7+4?")
    assert values(made(folder), [answer], prompt) == values(made(folder), ["11"], prompt) == expected != joined


def test_the_end_of_text_is_added_where_asked(model_folder):
    folder = model_folder("sequence", num_labels=1)
    (ended,) = values(made(folder, end=True), ["11"])
    assert [ended] == values(made(folder), ["11<eos>"]) == values(made(folder, end=True), ["11<eos>"])
    assert [ended] != values(made(folder), ["11"])


def test_a_prompt_that_begins_with_its_bos_is_read_with_one(model_folder):
    folder = model_folder("sequence", num_labels=1)
    tokenizer = AutoTokenizer.from_pretrained(folder, bos_token="<pad>")
    backend = tokenizer.backend_tokenizer
    backend.post_processor = TemplateProcessing(single="<pad> $A", special_tokens=[("<pad>", 0)])
    PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<pad>", pad_token="<pad>", eos_token="<eos>"
    ).save_pretrained(folder)
    assert values(made(folder), ["11"], "<pad>7+4?") == values(made(folder), ["11"], "7+4?")


def test_nan_fails_that_completion_alone(model):
    scores = made(model).score(["7"] * 3, ["1", "9", "2"], [[]] * 3)
    assert scores.values == [pytest.approx(LOGIT), None, 0.0]
    assert list(scores.failures) == [1] and "NaN" in scores.failures[1]


def test_what_is_too_long_to_read_is_not_judged(model):
    scores = made(model).score(["7"] * 2, ["7 " * 50_000, "1"], [[]] * 2)
    assert scores.values == [None, pytest.approx(LOGIT)] and not scores.failures
    assert values(made(model, max_tokens=4), ["1", "11"]) == [None, None]
    assert values(made(model, max_tokens=5), ["1", "11"])[0] == pytest.approx(LOGIT)


def test_an_empty_completion_is_judged_and_nothing_at_all_is_not(model):
    assert values(made(model), ["", ""], "7") == [0.0, 0.0]
    assert values(made(model), [""], "") == [None]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"format": "sequences"}}, "did you mean 'sequence'"),
        ({"options": {"sigmoid": "yes"}}, "sigmoid: expected true or false"),
        ({"options": {"max_tokens": -1}}, "max_tokens: expected a whole number"),
        ({"options": {"right": 1}}, "labels are 0 to 0, got 1"),
        ({"verifier": "math"}, "this reward uses no verifier"),
        ({"model": None}, "model: is needed: a reward model"),
        ({"credit": "min"}, "gives no step scores"),
    ],
)
def test_settings_that_are_no_good_are_refused(model, settings, message):
    with pytest.raises(ValueError, match=f"^outcome: .*{message}"):
        build({"outcome": {"model": model, **settings}}, HERE)


def test_a_model_with_another_head_is_refused(model_folder):
    with pytest.raises(ValueError, match="no weights for"):
        made(model_folder("causal"))
