"""Scores of a classification head, at chosen tokens or for whole texts, in batches; also as probabilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from rewards.models.batches import BATCH_TOKENS, LOGITS, batches, pad_id, padded
from rewards.models.state import judging
from rewards.models.types import Classifier, Tokenizer

Read = Callable[[torch.Tensor], torch.Tensor]
"""Logits (S, L) to scores (S,)."""
NO_NUMBER = "the model gave NaN"
"""The error of a completion for which a model returned NaN."""


class Encoded(NamedTuple):
    """A tokenized text, and the tokens at which to read scores.

    Attributes:
        ids: token ids.
        places: indices of tokens to read at; -1 for a place that was cut off.
        start: number of tokens of the prompt at the beginning, if it is tokenized separately.
    """

    ids: list[int]
    places: list[int]
    start: int = 0


def read_at(
    model: Classifier,
    tokenizer: Tokenizer,
    texts: Sequence[Encoded],
    read: Read,
    *,
    most: int | None = None,
    budget: int = BATCH_TOKENS,
    progress: Callable[[int], None] | None = None,
) -> list[list[float | None]]:
    """The scores at the places of each text; None for a place of -1.

    Texts of similar length share a batch. A causal model computes logits only at the places, because its vocabulary is
    large.

    Args:
        model: a model with logits for each token.
        tokenizer: its tokenizer.
        texts: the texts and the places.
        read: turns the logits at the places into scores.
        most: largest number of texts in a batch; None for no limit.
        budget: largest number of tokens in a batch, including padding.
        progress: called with the number of texts read since the last call.
    """
    scores: list[list[float | None]] = [[None] * len(text.places) for text in texts]
    sparse = "logits_to_keep" in inspect.signature(model.forward).parameters
    wanted = [row for row, text in enumerate(texts) if any(place >= 0 for place in text.places)]
    if progress and len(wanted) < len(texts):
        progress(len(texts) - len(wanted))
    with judging(model):
        for batch in batches([len(texts[row].ids) for row in wanted], budget):
            rows = [wanted[index] for index in batch]
            for part in _parts(
                rows, texts, most or len(rows), model.config.get_text_config().vocab_size if sparse else 0
            ):
                ids_BT, mask_BT = padded([texts[row].ids for row in part], pad_id(tokenizer), model.device)
                spots = [
                    (line, k, p) for line, row in enumerate(part) for k, p in enumerate(texts[row].places) if p >= 0
                ]
                kept = sorted({place for _, _, place in spots}) if sparse else list(range(ids_BT.shape[1]))
                only = {"logits_to_keep": torch.tensor(kept, device=model.device)} if sparse else {}
                logits_BKL = model(input_ids=ids_BT, attention_mask=mask_BT, **only).logits
                lines = torch.tensor([line for line, _, _ in spots], device=logits_BKL.device)
                columns = {place: column for column, place in enumerate(kept)}
                at = torch.tensor([columns[place] for _, _, place in spots], device=logits_BKL.device)
                for (line, k, _), score in zip(spots, read(logits_BKL[lines, at].float()).tolist(), strict=True):
                    scores[part[line]][k] = score
                if progress:
                    progress(len(part))
    return scores


def _parts(rows: Sequence[int], texts: Sequence[Encoded], most: int, width: int) -> Iterator[list[int]]:
    """Groups of rows such that the logits at all their places are few enough, with `width` logits per place."""
    part: list[int] = []
    kept: set[int] = set()
    for row in rows:
        together = kept.union(texts[row].places)
        if part and (len(part) == most or (len(part) + 1) * len(together) * width > LOGITS):
            yield part
            part, together = [], set(texts[row].places)
        part.append(row)
        kept = together
    yield part


def read_whole(
    model: Classifier, tokenizer: Tokenizer, texts: Sequence[Sequence[int]], read: Read, *, budget: int = BATCH_TOKENS
) -> list[float]:
    """The score of each whole text.

    Args:
        model: a sequence-classification model.
        tokenizer: its tokenizer.
        texts: token ids of the texts.
        read: turns the logits of a text into a score.
        budget: largest number of tokens in a batch, including padding.
    """
    scores = [0.0] * len(texts)
    with judging(model):
        for rows in batches([len(ids) for ids in texts], budget):
            ids_BT, mask_BT = padded([texts[row] for row in rows], pad_id(tokenizer), model.device)
            logits_BL = model(input_ids=ids_BT, attention_mask=mask_BT).logits
            for row, score in zip(rows, read(logits_BL.float()).tolist(), strict=True):
                scores[row] = score
    return scores


def labels(model: Classifier) -> int:
    """The number of classes of a model's head."""
    return int(model.config.num_labels or 0)


def probability(model: Classifier, right: Sequence[int] | None = None) -> Read:
    """A function from the logits of a model's classes to the probability of the right ones.

    Args:
        model: a model with `config.num_labels` classes.
        right: the classes that mean right. By default the sigmoid of a single class, or the second of two classes.

    Raises:
        ValueError: there are more than two classes and none is named, or there is no such class.
    """
    count = labels(model)
    if right is None and count > 2:
        raise ValueError(f"the model has {count} labels {model.config.id2label}; name in `right` those that mean right")
    for label in right or ():
        if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < count:
            raise ValueError(f"right: the model's labels are 0 to {count - 1}, got {label!r}")
    if count == 1:
        return lambda logits_SL: logits_SL[:, 0].sigmoid()
    chosen = list(right or [1])
    return lambda logits_SL: logits_SL.softmax(-1)[:, chosen].sum(-1).clamp(max=1.0)  # rounding may exceed 1


def classes(right: Any) -> list[int] | None:
    """The option `right`, which is one class or several, as a list."""
    return None if right is None else list(right) if isinstance(right, Sequence) else [right]
