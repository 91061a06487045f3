import random

import pytest
import torch

from rl.config import WarmStart
from rl.policy.warm_start import EOS, build_tokenizer, cache_folder, encode, warm_started

TINY = WarmStart(steps=2, batch=4, hidden=16, layers=1, heads=2, seed=0)


def test_text_comes_back_to_the_character(task):
    tokenizer = build_tokenizer(task.vocabulary)
    rng = random.Random(0)
    for text in ["".join(task.demonstrate(rng)) for _ in range(50)]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert len(ids) == len(text) and tokenizer.decode(ids) == text


def test_longer_strings_of_a_vocabulary_win(task):
    tokenizer = build_tokenizer(("a", " a", " apple", "."))
    assert tokenizer.tokenize("a apple a.") == ["a", " apple", " a", "."]


def test_only_the_completion_and_its_end_are_learnt(task):
    tokenizer = build_tokenizer(task.vocabulary)
    ids, labels = encode([("1+2?", "1+2=3#3"), ("1?", "#1")], tokenizer)
    assert tokenizer.decode(ids[0]) == "1+2?1+2=3#3" + EOS
    assert labels[0, :4].tolist() == [-100] * 4 and labels[0, 4:].tolist() == ids[0, 4:].tolist()
    assert (labels[1, 5:] == -100).all()  # padding


def test_the_cache_gives_back_the_same_policy_and_knows_another(task, monkeypatch, tmp_path):
    monkeypatch.setenv("WHETSTONE_CACHE", str(tmp_path))
    steps = []
    first = warm_started(task, TINY, lambda step, loss: steps.append(step))
    again = warm_started(task, TINY, lambda step, loss: steps.append(step))
    assert first == again and steps == [1, 2]
    other = warm_started(task, TINY.model_copy(update={"seed": 1}))
    assert other != first and {path.name for path in cache_folder().iterdir()} == {first.name, other.name}


def test_the_same_settings_make_the_same_weights(task, monkeypatch, tmp_path):
    from safetensors.torch import load_file

    weights = []
    for place in ("a", "b"):
        monkeypatch.setenv("WHETSTONE_CACHE", str(tmp_path / place))
        weights.append(load_file(warm_started(task, TINY) / "model.safetensors"))
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_the_warm_start_of_the_design_has_its_habits(monkeypatch, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rl.analysis.evaluation import EvaluationSettings, evaluate
    from rl.tasks import chain

    monkeypatch.setenv("WHETSTONE_CACHE", str(tmp_path))
    task = chain.build((2, 4), {"train": 10, "validation": 10, "test": 500}, seed=0)
    folder = warm_started(task, WarmStart(seed=0))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    metrics = evaluate(
        model, tokenizer, task, "test", EvaluationSettings(n=500, k=8, parameters={"max_tokens": 32})
    ).metrics
    assert metrics["greedy"].value < 0.3 and metrics["chain"].value < 0.05  # it skips steps
    assert metrics["pass_at_k"].value > 0.6  # and yet it can do them
