"""Step spans map to the right tokens, for every kind of tokenizer."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rl.credit.spans import StepEnds
from verifiers import Step

TEXTS = [
    "First, 12 + 30 = 42.\nThen 42 / 7 = 6 🙂.\nSo the answer is 6.",
    "👩‍👩‍👧 = 3\n日本語の 123456 手順\nfertig",
    "naïve café: 1,234.50 − 0.5\n= 1234",
]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXTS[:1] * 3, trainer)  # so that emoji of the other texts are several tokens
    return tokenizer


def sentencepiece():
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    special = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer.train_from_iterator(["First then so the answer is 0 1 2 3 4 5 6 = . ,"], trainers.BpeTrainer(
        vocab_size=330, special_tokens=special, show_progress=False))  # fmt: skip
    # byte tokens are ordinary to a decoder, not special
    return Tokenizer.from_str(tokenizer.to_str().replace('"special":true', '"special":false'))


def word_level():
    pieces = sorted({character for text in TEXTS for character in text})
    tokenizer = Tokenizer(models.WordLevel({piece: place for place, piece in enumerate(pieces)}, unk_token=pieces[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


@pytest.mark.parametrize("make", [byte_level, sentencepiece, word_level])
@pytest.mark.parametrize("text", TEXTS)
def test_a_step_ends_at_the_first_token_that_completes_it(make, text):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make())
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    ends = [place for place, character in enumerate(decoded) if character == "\n"] + [len(decoded)]
    steps = [Step(start, end, "judged", 1.0) for start, end in zip([0, *ends], ends, strict=False)]
    got = StepEnds(tokenizer)(ids, steps)
    for place, step in zip(got, steps, strict=True):
        # by hand: try every prefix in turn
        first = next(i for i in range(len(ids)) if tokenizer.decode(ids[: i + 1]).startswith(decoded[: step.end]))
        assert place == first


def test_numbers_are_not_cut():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level())
    ids = tokenizer("1+1=2;2+2=4", add_special_tokens=False)["input_ids"]
    (end, _) = StepEnds(tokenizer)(ids, [Step(0, 5, "judged", 1.0), Step(6, 11, "judged", 1.0)])
    assert tokenizer.decode(ids[: end + 1]).startswith("1+1=2") and not tokenizer.decode(ids[:end]).startswith("1+1=2")


def test_a_step_of_another_text_is_an_error():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level())
    with pytest.raises(ValueError, match="character 99"):
        StepEnds(tokenizer)([0, 1], [Step(0, 99, "judged", 1.0)])


def test_the_end_of_text_token_ends_no_step(warm):
    tokenizer = warm[1]
    ids = [*tokenizer("1+1=2#2", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    assert StepEnds(tokenizer)(ids, [Step(0, 5, "judged", 1.0), Step(6, 7, "judged", 1.0)]) == [4, 6]


def test_a_special_token_in_front_is_no_part_of_the_text_that_was_judged():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=word_level(), bos_token="<s>")
    ids = [tokenizer.bos_token_id, *tokenizer("1 = 1", add_special_tokens=False)["input_ids"]]
    # a token a character: "1" of the text is token 1, the last "1" token 5
    assert StepEnds(tokenizer)(ids, [Step(0, 1, "judged", 1.0), Step(2, 5, "judged", 1.0)]) == [1, 5]


@pytest.mark.parametrize("make", [byte_level, sentencepiece])
def test_a_step_may_end_in_the_first_token(make):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=make())
    ids = tokenizer("1 = 日", add_special_tokens=False)["input_ids"]
    assert StepEnds(tokenizer)(ids, [Step(0, 1, "judged", 1.0)]) == [0]


def test_a_step_of_no_characters_at_the_start_belongs_to_the_first_token():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level())
    ids = tokenizer("1+1=2", add_special_tokens=False)["input_ids"]
    assert StepEnds(tokenizer)(ids, [Step(0, 0, "abstained", None)]) == [0]


def test_where_tokens_decode_one_by_one_no_prefix_is_decoded():
    """Decoding every prefix takes time that grows with the square of the completion."""

    class Words:
        def decode(self, ids, skip_special_tokens):
            assert len(ids) in (1, 4), "a prefix was decoded"
            return "".join("abcd"[token] for token in ids)

    assert StepEnds(Words())([0, 1, 2, 3], [Step(0, 2, "judged", 1.0), Step(2, 3, "judged", 0.0)]) == [1, 2]
