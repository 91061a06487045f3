"""Models that judge: loading, what is refused, and texts as tokens."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.loading import (
    batches,
    encode,
    fingerprint,
    frozen,
    judging,
    one_token,
    padded,
    prompt_text,
    room,
    source,
)
from rewards.parts.context import Context
from verifiers.runtime.judge import Judge

HERE = Context(Judge("chain"))


def test_a_frozen_model_is_loaded_once_and_cannot_be_trained(model_folder):
    folder = model_folder()
    model, _ = frozen(folder)()
    assert frozen(folder)()[0] is model
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())
    assert model.dtype == torch.float32


def test_a_folder_that_was_written_again_is_loaded_again(model_folder):
    folder = model_folder()
    before, _ = frozen(folder)()
    other, _ = frozen(model_folder(seed=1))()
    other.save_pretrained(folder)
    after, _ = frozen(folder)()
    assert fingerprint(after) == fingerprint(other) != fingerprint(before)


def test_the_policy_is_given_as_it_is_at_the_call(model_folder):
    pairs = iter(["first", "second"])
    ask = source({"model": "policy"}, Context(Judge("chain"), policy=lambda: next(pairs)), "causal", policy=True)
    assert [ask(), ask()] == ["first", "second"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "model: is needed: one that answers, or `policy`"),
        ({"model": "policy"}, "needs a policy, and there is none here"),
        ({"model": "no/such/model"}, "the model 'no/such/model' could not be loaded"),
    ],
)
def test_a_model_that_is_not_there_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        source(settings, HERE, "causal", policy=True, purpose="one that answers")


def test_a_reward_that_needs_a_frozen_model_refuses_the_policy():
    with pytest.raises(ValueError, match="is no frozen model"):
        source({"model": "policy"}, HERE, "sequence")


def test_a_model_without_the_head_is_refused(model_folder):
    with pytest.raises(ValueError, match=r"no weights for score.*not trained for sequence"):
        frozen(model_folder(), "sequence")


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(model_folder):
    with pytest.raises(ValueError, match=r"299 tokens and its embedding only 100 rows"):
        frozen(model_folder(vocab_size=100))


def test_a_dtype_is_asked_for_by_name(model_folder):
    folder = model_folder()
    assert frozen(folder, dtype="bfloat16")()[0].dtype == torch.bfloat16
    with pytest.raises(ValueError, match="dtype: no 'float23'"):
        frozen(folder, dtype="float23")


def test_tied_heads_are_no_missing_weights(model_folder):
    frozen(model_folder(tie_word_embeddings=True))


def test_judging_leaves_a_policy_training_as_it_was(model_folder):
    model = AutoModelForCausalLM.from_pretrained(model_folder()).train()
    with judging(model):
        assert not model.training
        assert not model(torch.tensor([[1]])).logits.requires_grad
    assert model.training


def test_texts_begin_as_the_tokenizer_has_them_begin(tokenizer):
    assert encode("quell", tokenizer) == tokenizer("quell", add_special_tokens=False)["input_ids"]

    class Marked(type(tokenizer)):  # puts a mark before every text, as Llama's does
        def __call__(self, text, add_special_tokens=True):
            ids = super().__call__(text, add_special_tokens=False)
            return {"input_ids": [self.bos_token_id, *ids["input_ids"]] if add_special_tokens else ids["input_ids"]}

    marked = Marked(tokenizer_object=tokenizer.backend_tokenizer, bos_token="<eos>")
    ids = encode("quell", marked)
    assert ids == [marked.bos_token_id, *encode("quell", tokenizer)] == encode("<eos>quell", marked)


def test_chat_messages_are_laid_out_by_the_template(tokenizer):
    messages = [{"role": "user", "content": "why?"}]
    assert prompt_text("why?", tokenizer) == "why?"
    assert prompt_text(messages, tokenizer) == "why?\n"


def test_one_token_is_one(tokenizer):
    (comma,) = tokenizer(",", add_special_tokens=False)["input_ids"]
    assert one_token(",", tokenizer, "the mark") == comma
    with pytest.raises(ValueError, match="the mark 'zebra' is not one token"):
        one_token("zebra", tokenizer, "the mark")


def test_batches_hold_to_the_budget_and_leave_nothing_out():
    # 5 goes alone; 3 and 2 make 6; the two of 1 make 2
    assert list(batches([1, 5, 3, 1, 2], budget=6)) == [[1], [2, 4], [0, 3]]
    assert list(batches([9], budget=6)) == [[0]]


def test_padding_is_on_the_right_and_masked():
    ids, mask = padded([[5, 6], [7]], 0, "cpu")
    assert ids.tolist() == [[5, 6], [7, 0]] and mask.tolist() == [[1, 1], [1, 0]]


def test_a_text_has_the_room_of_the_model(model_folder):
    model, _ = frozen(model_folder())()
    assert room(model) == 512 and room(model, 100) == 100
