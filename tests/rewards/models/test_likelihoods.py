"""Answers scored over a shared prefix, compared with one pass over each whole text."""

import random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, MambaConfig, MistralConfig, Qwen2Config

from rewards.models.caches import shares
from rewards.models.likelihoods import likelihoods, softmax
from rewards.models.prompts import encode

WORDS = ("Which", "weighs", "more", "quell", "koba", ",", ".", "(", "A", ")", "5", "answer", "so", "is", "zebra", "é")


def slow(model, tokenizer, context, answer):
    """One forward pass per pair, token by token: the sum of the log-probabilities, and their number."""
    before, ids = encode(context, tokenizer), encode(context + answer, tokenizer)
    start = next((i for i in range(len(before)) if i >= len(ids) or ids[i] != before[i]), len(before))
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0]
    parts = [torch.log_softmax(logits[at - 1], -1)[ids[at]].item() for at in range(start, len(ids))]
    return sum(parts), len(parts)


def questions(seed, count=3, rationales=4):
    """Prefixes, contexts and answers of several questions, of many lengths, some without a rationale."""
    rng = random.Random(seed)
    text = lambda least, most: " ".join(rng.choices(WORDS, k=rng.randint(least, most)))  # noqa: E731
    prefixes, contexts, answers = [], [], []
    for _ in range(count):
        prompt = text(1, 20)
        given = [f" {text(1, 3)}" for _ in range(rng.randint(1, 4))]
        for rationale in ["", *(f" {text(1, 12)}" for _ in range(rationales))]:
            prefixes.append(prompt)
            contexts.append(f"{prompt}{rationale} Answer:")
            answers.append(given)
    return prefixes, contexts, answers


def same(found, model, tokenizer, contexts, answers):
    for row, context in enumerate(contexts):
        for place, answer in enumerate(answers[row]):
            logprob, tokens = slow(model, tokenizer, context, answer)
            assert found[row][place].logprob == pytest.approx(logprob, abs=1e-4)
            assert found[row][place].tokens == tokens


@pytest.fixture(scope="module")
def model(config):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config()).eval()


@pytest.mark.parametrize("seed", range(4))
def test_a_shared_prefix_changes_nothing(model, tokenizer, seed):
    prefixes, contexts, answers = questions(seed)
    same(likelihoods(model, tokenizer, prefixes, contexts, answers, share=True), model, tokenizer, contexts, answers)


@pytest.mark.parametrize("budget", [1, 60, 300])
def test_small_batches_change_nothing(model, tokenizer, budget):
    prefixes, contexts, answers = questions(9)
    found = likelihoods(model, tokenizer, prefixes, contexts, answers, share=True, budget=budget)
    same(found, model, tokenizer, contexts, answers)


@pytest.mark.parametrize(
    "other",
    [
        Qwen2Config(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
        ),
        GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256),
    ],
    ids=["qwen2", "gpt2"],
)  # fmt: skip
def test_other_architectures_share_too(tokenizer, other):
    other.vocab_size = len(tokenizer)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(other).eval()
    assert shares(model)
    prefixes, contexts, answers = questions(5)
    same(likelihoods(model, tokenizer, prefixes, contexts, answers), model, tokenizer, contexts, answers)


def test_a_policy_with_an_adapter_in_training_shares_too(config, tokenizer):
    torch.manual_seed(0)
    policy = get_peft_model(
        AutoModelForCausalLM.from_config(config()), LoraConfig(init_lora_weights=False, target_modules="all-linear")
    )
    policy.gradient_checkpointing_enable()
    policy.train()
    assert shares(policy)
    prefixes, contexts, answers = questions(7)
    found = likelihoods(policy, tokenizer, prefixes, contexts, answers)
    assert policy.training
    same(found, policy.eval(), tokenizer, contexts, answers)


@pytest.mark.parametrize(
    "other",
    [
        MambaConfig(hidden_size=16, num_hidden_layers=1, state_size=4),
        MistralConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
            sliding_window=8,
        ),
    ],
    ids=["mamba", "sliding window"],
)  # fmt: skip
def test_models_that_cannot_share_get_a_pass_a_pair(tokenizer, other):
    other.vocab_size = len(tokenizer)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(other).eval()
    prefixes, contexts, answers = questions(6)
    assert not shares(model)
    same(likelihoods(model, tokenizer, prefixes, contexts, answers), model, tokenizer, contexts, answers)
    with pytest.raises(ValueError, match="cannot start from a shared prefix"):
        likelihoods(model, tokenizer, prefixes, contexts, answers, share=True)


def test_the_shared_prefix_is_read_once(model, tokenizer):
    prompt = " ".join(["quell"] * 20)
    contexts = [f"{prompt} {word} weighs Answer:" for word in ("quell", "koba", "zebra", "is")]
    answers = [[" (A)", " (B)", " (C)"]] * 4
    read = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        likelihoods(model, tokenizer, [prompt] * 4, contexts, answers)
        shared = sum(read)
        read.clear()
        likelihoods(model, tokenizer, [prompt] * 4, contexts, answers, share=False)
    finally:
        hook.remove()
    assert shared < sum(read) / 3


def test_tokens_that_straddle_the_boundary_belong_to_the_answer(model, tokenizer):
    # "Ans" + "wer:" is one token in the whole text and several in the context alone
    whole, context = encode("Answer:", tokenizer), encode("Ans", tokenizer)
    assert whole[: len(context)] != context
    (found,) = likelihoods(model, tokenizer, ["is "], ["is Ans"], [["wer:", "kle"]])
    for answer, likelihood in zip(["wer:", "kle"], found, strict=True):
        assert likelihood.logprob == pytest.approx(slow(model, tokenizer, "is Ans", answer)[0], abs=1e-4)


def test_a_context_of_no_token_is_begun(model, tokenizer):
    ((found,),) = likelihoods(model, tokenizer, [""], [""], [["quell"]])
    assert found.logprob == pytest.approx(slow(model, tokenizer, "<eos>", "quell")[0], abs=1e-4)


def test_a_text_that_does_not_fit_has_no_likelihood(model, tokenizer):
    prefixes, contexts, answers = ["koba"] * 2, ["koba" + " x" * 600, "koba is"], [[" (A)"]] * 2
    long, short = likelihoods(model, tokenizer, prefixes, contexts, answers)
    assert long is None and short[0].logprob < 0


def test_an_answer_without_a_token_is_refused(model, tokenizer):
    with pytest.raises(ValueError, match="has no token of its own"):
        likelihoods(model, tokenizer, ["koba"], ["koba is"], [[""]])


def test_nothing_asked_is_nothing_found(model, tokenizer):
    assert likelihoods(model, tokenizer, [], [], []) == []
    assert likelihoods(model, tokenizer, ["koba"], ["koba is"], [[]]) == [[]]


def test_softmax_by_hand():
    assert softmax([0.0, 0.0]) == [0.5, 0.5]
    assert softmax([1000.0, 1000.0 - 1.0986122886681098]) == pytest.approx([0.75, 0.25])
