"""The gain in likelihood, compared with one forward pass per text."""

import math

import pytest
import torch

from rewards.building.build import build
from rewards.models.load import frozen
from rewards.parts.context import Context
from verifiers.runtime.verifier import Verifier

HERE = Context(Verifier("facts"))
PROMPT = "Which weighs more, (A) quell or (B) koba?"
CHOICES = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]
TOLD = [" quell weighs 5. koba weighs 3.", " koba eats.", ""]
COMPLETIONS = [*(f"{told} Answer: (A)" for told in TOLD), "no marker"]
COLUMNS = {"gold": ["A", "B", "A", "A"], "choices": [CHOICES] * 4}


@pytest.fixture(scope="module")
def folder(model_folder):
    return model_folder()


def made(folder, context=HERE, **options):
    (reward,) = build({"likelihood_gain": {"model": folder, "options": options}}, context).rewards
    return reward


@pytest.mark.parametrize("measure", ["sum", "mean", "probability"])
def test_the_gain_is_that_of_one_pass_a_text(folder, logprob, measure):
    model, tokenizer = frozen(folder)()

    def by_hand(context, label):
        scores = [logprob(model, tokenizer, context, f" ({other})") for other in "AB"]
        tokens = [len(tokenizer(f" ({other})")["input_ids"]) for other in "AB"]
        gold = "AB".index(label)
        if measure == "probability":
            weights = [math.exp(score / count) for score, count in zip(scores, tokens, strict=True)]
            return weights[gold] / sum(weights)
        return scores[gold] / (tokens[gold] if measure == "mean" else 1)

    logged = {}
    scores = made(folder, measure=measure).score(
        [PROMPT] * 4, COMPLETIONS, [[1]] * 4, **COLUMNS, log_metric=logged.__setitem__
    )
    for row, told in enumerate(TOLD):
        told, bare = (
            by_hand(f"{PROMPT}{told} Answer:", COLUMNS["gold"][row]),
            by_hand(f"{PROMPT} Answer:", COLUMNS["gold"][row]),
        )
        assert scores.values[row] == pytest.approx(told - bare, abs=1e-4)
        assert scores.columns["with"][row] == pytest.approx(told, abs=1e-4)
        assert scores.columns["without"][row] == pytest.approx(bare, abs=1e-4)
    assert scores.values[2] == pytest.approx(0, abs=1e-5)  # no rationale adds nothing
    assert scores.values[3] is None and not scores.failures
    there = scores.columns["with"][:3]
    assert logged["rewards/likelihood_gain/with"] == pytest.approx(sum(there) / 3)


def test_without_choices_the_gold_alone_is_asked_for(folder):
    reward = made(folder, answer=" {text}")
    assert reward.columns == ("gold",)
    assert reward(["1+1?"], ["2 Answer: 2"], gold=["2"])[0] is not None
    assert made(folder, measure="probability").columns == ("gold", "choices")


def test_chat_messages_are_read_too(folder):
    prompt, completion = [{"role": "user", "content": PROMPT}], [{"role": "assistant", "content": COMPLETIONS[0]}]
    assert made(folder)([prompt], [completion], gold=["A"])[0] is not None


def test_what_is_too_long_abstains(folder):
    values = made(folder)([PROMPT] * 2, ["x " * 50_000 + "Answer: (A)", COMPLETIONS[0]], gold=["A", "A"])
    assert values[0] is None and values[1] is not None


def test_a_model_that_gives_nan_fails_on_the_row(folder):
    model, tokenizer = frozen(folder, dtype="float32")()
    broken = type(model)(model.config).eval()
    torch.nn.init.constant_(broken.lm_head.weight, math.nan)
    context = Context(Verifier("facts"), policy=lambda: (broken, tokenizer))
    scores = made("policy", context).score([PROMPT], COMPLETIONS[:1], [[1]], gold=["A"])
    assert scores.values == [None] and scores.failures == {0: "the model gave NaN"}


def test_bad_settings_are_named(folder):
    with pytest.raises(ValueError, match="likelihood_gain: measure: 'men' is not one; did you mean 'mean'"):
        made(folder, measure="men")
    with pytest.raises(ValueError, match="likelihood_gain: model: is needed"):
        build({"likelihood_gain": {}}, HERE)


BROKEN = [
    ({"gold": None}, None),
    ({"gold": ""}, None),
    ({"gold": math.nan}, None),
    ({"gold": []}, None),
    ({"gold": "C"}, None),
    ({"choices": None}, None),
    ({"completion": "<think> quell weighs 5. Answer: (A)"}, None),
    ({"completion": "<think>so Answer: (A)</think> I cannot say."}, None),
    ({"completion": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}, None),
    ({"completion": ""}, None),
    ({"choices": [{"x": 1}]}, "a choice is a text, or has a label and a text"),
    ({"choices": {"label": ["A", "A"], "text": ["x", "y"]}}, "each choice needs a label of its own"),
    ({"choices": []}, "there must be 1 to 26 choices"),
    ({"choices": [*CHOICES, {"label": "C", "text": " "}]}, "the choice 'C' is blank"),
]


@pytest.mark.parametrize(("row", "failure"), BROKEN, ids=lambda value: str(value)[:50])
def test_a_row_that_cannot_be_asked_about_leaves_the_others_alone(folder, row, failure):
    reward = made(folder, measure="probability", answer="{text}")
    whole = {"completion": COMPLETIONS[0], "gold": "A", "choices": CHOICES}
    table = [whole, {**whole, **row}, whole]
    columns = {name: [one[name] for one in table] for name in whole}
    scores = reward.score([PROMPT] * 3, columns.pop("completion"), [[1]] * 3, **columns)
    assert scores.values[1] is None and scores.values[0] == scores.values[2] is not None
    assert list(scores.failures) == ([1] if failure else [])
    assert not failure or failure in scores.failures[1]


@pytest.mark.parametrize(
    "row",
    [
        {"gold": ["A", "B"]},
        {"gold": "(a)"},
        {"gold": "quell"},
        {"choices": {"label": ["A", "B"], "text": ["quell", "koba"]}},
        {"choices": ["quell", "koba"]},
        {"completion": [{"role": "assistant", "content": COMPLETIONS[0]}, {"role": "tool", "content": "5"}]},
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_row_in_another_form_is_the_same_row(folder, row):
    whole = {"completion": COMPLETIONS[0], "gold": "A", "choices": CHOICES}
    table = [whole, {**whole, **row}]
    columns = {name: [one[name] for one in table] for name in whole}
    values = made(folder, measure="probability")([PROMPT] * 2, columns.pop("completion"), **columns)
    assert values[0] == values[1] is not None


def test_braces_in_prompts_and_rationales_are_text(folder):
    values = made(folder)(["f{x} = {0}? " + PROMPT], [" {quell} weighs {5}. Answer: (A)"], gold=["{A}"])
    assert values[0] is not None
