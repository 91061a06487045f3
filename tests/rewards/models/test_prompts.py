"""A prompt as text and as token ids."""

import pytest

from rewards.models.prompts import Rendered, encode, one_token, render


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
    assert render("why?", tokenizer) == Rendered("why?", templated=False)
    assert render(messages, tokenizer) == Rendered("why?\n", templated=False)


def test_one_token_is_one(tokenizer):
    (comma,) = tokenizer(",", add_special_tokens=False)["input_ids"]
    assert one_token(",", tokenizer, "the mark") == comma
    with pytest.raises(ValueError, match="the mark 'zebra' is not one token"):
        one_token("zebra", tokenizer, "the mark")
