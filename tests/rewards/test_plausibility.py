"""Plausibility: VERA's head by hand and by its own recipe, other scorers, and statements checked exactly."""

import math
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast, T5Config, T5EncoderModel

from rewards.building.build import build
from rewards.parts.context import Context
from verifiers.facts import WORLD
from verifiers.runtime.verifier import Verifier

HERE, FACTS = Context(Verifier("math")), Context(Verifier("facts"))
LOGIT = math.log(3)  # its sigmoid is 3/4
TEXTS = ["Water is wet. So the answer is yes", "koba weighs 3. quell weighs 5. So the answer is (A)"]


@pytest.fixture(scope="session")
def vera(tmp_path_factory, tokenizer):
    """Makes a folder with a T5 encoder of VERA's kind, its head in the embedding."""

    def make(weight, bias, temperature, *, still=False, rows=32100):
        torch.manual_seed(0)
        model = T5EncoderModel(T5Config(vocab_size=rows, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2))
        with torch.no_grad():
            if rows == 32100:
                model.shared.weight[32099] = torch.tensor(weight)
                model.shared.weight[32098, 0], model.shared.weight[32097, 0] = bias, temperature
            if still:  # what a token's hidden state is, is its embedding, here of root mean square 1
                model.shared.weight[1] = 1.0
                blocks: Any = model.encoder.block
                for block in blocks:
                    block.layer[0].SelfAttention.o.weight.zero_()
                    block.layer[1].DenseReluDense.wo.weight.zero_()
        backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        backend.post_processor = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
        folder = tmp_path_factory.mktemp("vera")
        model.save_pretrained(folder)
        PreTrainedTokenizerFast(
            tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", model_max_length=64
        ).save_pretrained(folder)
        return str(folder)

    return make


def made(model=None, context=HERE, **options):
    (reward,) = build({"plausibility": {"model": model, "options": options}}, context).rewards
    return reward


def values(reward, completions):
    return reward(["q"] * len(completions), completions)


def test_veras_head_by_hand(vera):
    # the hidden state is all ones: z = 8 * 0.25 + 0.5 = 2.5, and t = 2
    folder = vera([0.25] * 8, 0.5, 2.0, still=True)
    assert values(made(folder), TEXTS[:1]) == pytest.approx([1 / (1 + math.exp(-1.25))])
    assert values(made(folder, temperature=1), TEXTS[:1]) == pytest.approx([1 / (1 + math.exp(-2.5))])


def test_vera_scores_as_its_own_recipe_does(vera):
    folder = vera([0.5, -1.0, 0.25, 2.0, 0.0, 1.0, -0.5, 0.75], -0.2, 1.6)
    encoder, tokenizer = T5EncoderModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    table, expected = encoder.shared.weight, []
    for text in TEXTS:
        ids = tokenizer(text.split(" So the answer is")[0], return_tensors="pt").input_ids
        assert ids[0, -1] == 1
        with torch.no_grad():
            hidden = encoder(ids).last_hidden_state[0, -1]
        expected.append(torch.sigmoid((hidden @ table[32099] + table[32098, 0]) / table[32097, 0]).item())
    assert values(made(folder), TEXTS) == pytest.approx(expected, abs=1e-5)
    assert abs(expected[0] - expected[1]) > 1e-3
    # the answer does not enter, nor what else is in the batch
    assert values(made(folder), ["Water is wet.  So the answer is no!"]) == pytest.approx(expected[:1], abs=1e-5)


def test_a_classification_head_is_calibrated_by_the_temperature_given(known_folder):
    model = known_folder("sequence", {"1": [2 * LOGIT], "9": [math.nan]})
    texts = ["1 So the answer is 2", "2 So the answer is 1"]
    assert values(made(model, format="sequence"), texts) == pytest.approx([0.9, 0.5])  # odds 9
    assert values(made(model, format="sequence", temperature=2), texts) == pytest.approx([0.75, 0.5])
    assert values(made(model, format="sequence", temperature=2, marker="#"), ["1#2"]) == pytest.approx([0.75])
    two = known_folder("sequence", {"1": [0.0, 2 * LOGIT]}, labels=2)
    assert values(made(two, format="sequence", temperature=2), texts) == pytest.approx([0.75, 0.5])
    scores = made(model, format="sequence").score(["q"] * 2, ["9 So the answer is 1", texts[1]], [[]] * 2)
    assert scores.values == [None, 0.5] and list(scores.failures) == [0]


def test_what_has_no_rationale_to_read_has_no_value(vera):
    reward = made(vera([0.0] * 8, 0.0, 1.0))
    long = "7 " * 50_000
    completions = ["", "no marker", " So the answer is 7", long, f"{long}So the answer is 7", "a So the answer is 7"]
    scores = reward.score(["q"] * 6, completions, [[]] * 6, gold=[None] * 6)
    assert scores.values == [None] * 5 + [0.5] and not scores.failures
    assert values(made(vera([0.0] * 8, 0.0, 1.0), marker=None), ["a", ""]) == [0.5, None]


def facts(*completions):
    choices = [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}]
    reward, count = made(context=FACTS), len(completions)
    assert reward.columns == ("choices", "attribute")
    return reward.score(
        ["q"] * count, completions, [[]] * count, choices=[choices] * count, attribute=["weighs"] * count
    )


def test_without_a_model_it_is_the_share_of_stated_facts_that_are_true():
    quell, koba = WORLD["weighs"]["quell"], WORLD["weighs"]["koba"]
    wrong = next(n for n in "12345" if n != koba)
    right, half = f" quell weighs {quell}. koba weighs {koba}.", f" quell weighs {quell}. koba weighs {wrong}."
    scores = facts(f"{right} Answer: (B)", f"{half} Answer: (A)", f"{right} hm. Answer: (A)", " Answer: (A)", right, "")
    assert scores.values == [1.0, 0.5, pytest.approx(2 / 3), None, None, None]
    assert [step.score for step in scores.steps[1]] == [1.0, 0.0]
    assert (scores.steps[1][0].start, scores.steps[1][0].end) == (1, 16)


def test_facts_that_are_checked_exactly_can_be_credited_inside_the_completion():
    build({"plausibility": {"credit": "sum"}}, FACTS)


@pytest.mark.parametrize(
    ("settings", "context", "message"),
    [
        ({}, HERE, "model: is needed: a statement scorer such as VERA.*only statements of the task facts"),
        ({"options": {"temperature": 2}}, FACTS, "no option 'temperature'"),
        ({"model": "x", "options": {"format": "verra"}}, HERE, "did you mean 'vera'"),
        ({"model": "x", "options": {"temperature": 0}}, HERE, "temperature: expected more than 0, got 0"),
        ({"model": "x", "options": {"right": 1}}, HERE, "right: has no effect with format: vera"),
        ({"model": "x", "options": {"marker": ""}}, HERE, "marker: an empty marker"),
        ({"model": "policy"}, HERE, "needs a frozen model"),
    ],
)
def test_settings_that_are_no_good_are_refused(settings, context, message):
    with pytest.raises(ValueError, match=f"^plausibility: .*{message}"):
        build({"plausibility": settings}, context)


def test_encoders_that_hold_no_head_of_veras_are_refused(vera, model_folder):
    with pytest.raises(
        ValueError, match="keeps its head in rows 32097 to 32099 of the embedding, but this model has 400"
    ):
        made(vera([], 0, 0, rows=400))
    with pytest.raises(ValueError, match="is -1, so it is not VERA"):
        made(vera([0.0] * 8, 0.0, -1.0))
    with pytest.raises(ValueError, match=r"could not be loaded|no weights"):
        made(model_folder("causal"))
