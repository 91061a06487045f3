"""Key-value caches of texts that begin alike: computed once, and continued by each of them.

A level is the cache of B texts. The next level continues its rows with further tokens; a row may be continued several
times, or not at all. The rows of a level may differ in length, so there are gaps between tokens, which the mask hides.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from rewards.models.attention import attends_where_told, parameters_of
from rewards.models.batches import padded
from rewards.models.state import device_of
from rewards.models.types import Model


class Level(NamedTuple):
    """The cache of B texts, over S positions.

    Attributes:
        cache: the keys and values.
        mask_BS: 1 where a position has a token.
        lengths_B: the number of tokens of each text.
    """

    cache: Cache
    mask_BS: Tensor
    lengths_B: Tensor

    def selected(self, rows: Sequence[int]) -> Level:
        """A new level of the given rows, which may repeat."""
        index = torch.tensor(rows, device=self.mask_BS.device)
        chosen = copy.copy(self.cache)
        chosen.layers = [copy.copy(layer) for layer in self.cache.layers]
        chosen.batch_select_indices(index)
        return Level(chosen, self.mask_BS[index], self.lengths_B[index])


def shares(model: Model) -> bool:
    """Whether a model can start from a cache with gaps: it keeps all keys and values, and accepts positions."""
    return attends_where_told(model) and "past_key_values" in parameters_of(model)


def keeps_last(model: Model) -> bool:
    """Whether a model can return the logits of the last position alone."""
    return "logits_to_keep" in parameters_of(model)


def common(rows: Sequence[Sequence[int]]) -> int:
    """The number of tokens with which all rows start."""
    return next(
        (place for place, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1), min(map(len, rows))
    )


def extend(
    model: Model,
    level: Level | None,
    parents: Sequence[int],
    segments: Sequence[Sequence[int]],
    pad: int,
    *,
    logits: bool = False,
) -> tuple[Level, Tensor]:
    """The next level: each segment continues the row of the level above that `parents` names.

    Args:
        model: a model that `shares`.
        level: the level above; None for segments that begin a text, which must have tokens.
        parents: for each segment a row of `level`; ignored if there is none.
        segments: token ids.
        pad: a token for padding.
        logits: whether to return the logits of all positions, and not of the last alone.

    Returns:
        The level, and the logits; without values if no segment has a token.
    """
    device = device_of(model)
    above = None if level is None else level.selected(parents)
    if above is not None and not any(segments):
        return above, torch.empty(0)
    ids_BT, mask_BT = padded(segments, pad, device)
    count_B = mask_BT.sum(1)
    lengths_B = torch.zeros_like(count_B) if above is None else above.lengths_B
    # padding repeats the last position, so that none exceeds the model's positions
    steps_BT = torch.minimum(torch.arange(ids_BT.shape[1], device=device), (count_B - 1).clamp(min=0).unsqueeze(1))
    whole_BS = mask_BT if above is None else torch.cat([above.mask_BS, mask_BT], dim=1)
    last = {} if logits or not keeps_last(model) else {"logits_to_keep": 1}
    output = model(
        input_ids=ids_BT,
        attention_mask=whole_BS,
        position_ids=lengths_B.unsqueeze(1) + steps_BT,
        past_key_values=None if above is None else above.cache,
        use_cache=True,
        **last,
    )
    return Level(output.past_key_values, whole_BS, lengths_B + count_B), output.logits
