"""Heads that are read at chosen tokens: the batches do not matter, and no batch has too many logits."""

import pytest
import torch

from rewards.models import heads as reading
from rewards.models.heads import Encoded, read_at
from rewards.models.load import frozen

TEXTS = [Encoded([5, 6, 7, 8], [1, 3]), Encoded([9], [0]), Encoded([4, 5], [-1]), Encoded([7, 7, 9, 8, 6], [4, 0, -1])]


@pytest.mark.parametrize("head", ["causal", "token"])
@pytest.mark.parametrize(("most", "logits"), [(None, 2**27), (1, 2**27), (None, 1)])
def test_logits_are_those_of_each_text_alone(model_folder, monkeypatch, head, most, logits):
    model, tokenizer = frozen(model_folder(head), head)()
    monkeypatch.setattr(reading, "LOGITS", logits)
    told = []
    found = read_at(model, tokenizer, TEXTS, lambda logits_SL: logits_SL[:, 1], most=most, progress=told.append)
    for text, scores in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            logits_TL = model(torch.tensor([text.ids])).logits[0]
        expected = [None if place < 0 else logits_TL[place, 1].item() for place in text.places]
        assert [score is None for score in scores] == [one is None for one in expected]
        assert [s for s in scores if s is not None] == pytest.approx([e for e in expected if e is not None], abs=1e-5)
    assert sum(told) == len(TEXTS)


def test_no_more_logits_at_once_than_there_is_room_for(model_folder, monkeypatch):
    model, tokenizer = frozen(model_folder(), "causal")()
    width, sizes = model.config.vocab_size, []
    texts = [Encoded([5] * 12, [place, place + 1]) for place in range(10)]

    def read(logits_SL):
        sizes.append(len(logits_SL))
        return logits_SL[:, 0]

    monkeypatch.setattr(
        reading, "LOGITS", 12 * width
    )  # of three texts at their four places; four would need five times four
    read_at(model, tokenizer, texts, read)
    assert sizes == [6, 6, 6, 2]
