"""A frozen reader answers from the rationale alone: what it reads, what is cached, and invalid input."""

import math
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from rewards.building.build import build
from rewards.parts.context import Context
from rewards.parts.rationale import layout
from verifiers.runtime.verifier import Verifier

CHAIN, MATH = Context(Verifier("chain")), Context(Verifier("math"))
LAST = {"with_rationale": "{prompt}{rationale}", "max_tokens": 1}


@pytest.fixture(scope="session")
def echo(known_folder):
    """A model that answers 5 after a 5 and 7 after a 7, and returns NaN if there is a 9."""
    return known_folder("causal", {"5": [3.0, 0.0], "7": [0.0, 3.0], "9": [math.nan, 0.0]}, labels=2, words=("5", "7"))


def made(model, context=CHAIN, **options) -> Any:
    (reward,) = build({"reader": {"model": model, "options": options}}, context).rewards
    return reward


def scored(reward, completions, gold: Any = "5", prompt: Any = "2+3?"):
    count = len(completions)
    return reward.score([prompt] * count, completions, [[]] * count, gold=[gold] * count)


def test_the_answer_is_the_readers_from_the_rationale_and_not_the_completions(echo):
    scores = scored(made(echo, **LAST), ["2+3=5#7", "2+3=7#5", "2+3=5#5"])
    assert scores.values == [1.0, 0.0, 1.0]
    assert scores.columns == {"answer": ["5", "7", "5"]}


def test_it_answers_as_transformers_greedy_decoding_does(model_folder):
    folder = model_folder()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rationales = [" quell weighs 5.", " koba weighs 3. quell weighs 5.", ""]
    expected = []
    for rationale in rationales:
        ids = tokenizer(f"Which?{rationale} So the answer is", return_tensors="pt").input_ids
        with torch.no_grad():
            for _ in range(6):  # the highest logit, one token at a time
                ids = torch.cat([ids, model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
        tokens = ids[0, -6:].tolist()
        tokens = tokens[: tokens.index(1)] if 1 in tokens else tokens
        expected.append(tokenizer.decode(tokens, skip_special_tokens=True).strip().split("\n")[0])
    reward = made(folder, MATH, max_tokens=6)
    told = [f"{rationale} So the answer is 5." for rationale in rationales]
    assert scored(reward, told, prompt="Which?").columns["answer"] == expected
    assert len(set(expected)) == 3
    chat = [[{"role": "assistant", "content": text}] for text in told]
    in_chat = scored(reward, chat, prompt=[{"role": "user", "content": "Which?"}])
    assert in_chat.columns == scored(reward, told, prompt="Which?\n").columns


def test_an_encoder_decoder_reads_too(tmp_path, tokenizer):
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "decoder_start_token_id": 0,
        "d_model": 8,
        "d_kv": 4,
        "d_ff": 16,
        "num_layers": 1,
        "num_heads": 2,
        "initializer_factor": 3.0,
    }
    model: Any = T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **sizes)).eval()
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.post_processor = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    fast: Any = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>")
    model.save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    texts = [" quell weighs 5.", " koba weighs 3. quell weighs 5."]
    expected = []
    for text in texts:
        ids = fast(f"Which?{text} So the answer is", return_tensors="pt").input_ids
        out = model.generate(ids, max_new_tokens=6, do_sample=False)[0, 1:]
        expected.append(fast.decode(out, skip_special_tokens=True).strip().split("\n")[0])
    reward = made(str(tmp_path), MATH, format="encoder_decoder", max_tokens=6)
    scores = scored(reward, [f"{text} So the answer is 5." for text in texts], prompt="Which?")
    assert scores.columns["answer"] == expected


FACT = {
    "prompt": "Which weighs more, (A) quell or (B) koba?",
    "choices": [{"label": "A", "text": "quell"}, {"label": "B", "text": "koba"}],
    "attribute": "weighs",
    "asked": "more",
}


@pytest.mark.parametrize(
    ("task", "row", "gold", "other"),
    [("facts", FACT, "B", "A"), ("chain", {"prompt": "2+3?"}, "5", "7"), ("math", {"prompt": "2+3?"}, "5", "7")],
)
def test_the_tasks_own_verifier_reads_what_the_reader_answers(known_folder, task, row, gold, other):
    """In the task's own layout, the marker being the task's."""
    model = known_folder("causal", {"5": [3.0, 0.0], "7": [0.0, 3.0]}, labels=2, words=(gold, other))
    reward, marker = made(model, Context(Verifier(task)), **LAST), layout({}, task).marker
    columns: dict[str, Any] = {name: [value] * 2 for name, value in row.items() if name != "prompt"}
    completions = [f"5{marker} {other}", f"7{marker} {gold}"]
    scores = reward.score([row["prompt"]] * 2, completions, [[]] * 2, gold=[gold] * 2, **columns)
    assert scores.values == [1.0, 0.0] and scores.columns["answer"] == [gold, other]


def test_an_answer_is_given_once_and_kept_for_the_next_run(echo, model_folder, tmp_path):
    kept = Context(Verifier("chain"), cache=tmp_path)
    first, completions = made(echo, kept, **LAST), ["2+3=5#1", "2+3=5#2", "2+3=7#1"]
    assert scored(first, completions).values == [1.0, 1.0, 0.0] and first.answered == 2
    second = made(echo, kept, **LAST)
    assert scored(second, completions).values == [1.0, 1.0, 0.0] and second.answered == 0
    # another question, another reader
    assert scored(second, completions[:1], prompt="1+4?").values == [1.0] and second.answered == 1
    other = made(model_folder(), kept, **LAST)
    scored(other, completions)
    assert other.answered == 2
    memory = made(echo, **LAST)
    assert scored(memory, completions).values == scored(memory, completions).values and memory.answered == 2


def test_nan_fails_that_completion_alone_and_is_not_kept(echo):
    reward = made(echo, **LAST)
    for answered in (3, 4):
        scores = scored(reward, ["2+3=5#5", "2+3=9#5", "2+3=7#5"])
        assert scores.values == [1.0, None, 0.0] and reward.answered == answered
        assert list(scores.failures) == [1] and "NaN" in scores.failures[1]


def test_what_cannot_be_read_or_judged_has_no_value(echo):
    long = "7 " * 50_000
    scores = scored(made(echo, **LAST), ["", "no marker", long, f"{long}#5", "2+3=5#5"])
    assert scores.values == [None] * 4 + [1.0] and not scores.failures
    assert scores.columns["answer"][:4] == [None] * 4
    assert scored(made(echo, **LAST), ["2+3=5#5"], gold=None).values == [None]


def test_a_verifier_that_breaks_is_a_failure(echo):
    reward = made(echo, **LAST)
    scores = scored(reward, ["2+3=5#5"], prompt="?")  # the chain's verifier reads a digit there
    assert scores.values == [None] and "ValueError" in scores.failures[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"format": "casual"}}, "did you mean 'causal'"),
        ({"options": {"max_tokens": 0}}, "max_tokens: expected a whole number"),
        ({"options": {"max_tokens": 600}}, "600 leaves no room for a rationale: the model has room for 512"),
        ({"options": {"with_rationale": "{question}"}}, "with_rationale"),
        ({"verifier": "maths"}, "did you mean 'math'"),
        ({"model": None}, "model: is needed: the model that reads"),
        ({"model": "policy"}, "needs a frozen model"),
        ({"credit": "min"}, "gives no step scores"),
    ],
)
def test_settings_that_are_no_good_are_refused(echo, settings, message):
    with pytest.raises(ValueError, match=f"^reader: .*{message}"):
        build({"reader": {"model": echo, **settings}}, CHAIN)
