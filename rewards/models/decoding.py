"""The loop that draws tokens on a CPU: what transformers' own loop draws, in less time.

transformers runs the prompt of every row, and every row until the last one has ended. At each token it copies all keys
and values, and makes a new mask of the padding. Here

- equal prompts are run once;
- rows that have ended leave the batch, once they are a quarter of it;
- keys and values are written into room that is allocated ahead (`roomy_cache.py`);
- the mask and the positions of the next token continue those before.

The distribution is the same, and so are the random numbers that each row is drawn with: rows that have ended go on
using theirs. So the completions are those of transformers' loop, up to the rounding of batches of another size. On a
GPU transformers' loop runs ahead of the device, and is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    MinPLogitsWarper,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.cache_utils import Cache

from rewards.models.attention import implementation
from rewards.models.caches import shares
from rewards.models.processors import FirstTokens, NanWatch
from rewards.models.roomy_cache import make_room
from rewards.models.state import device_of
from rewards.models.types import Model
from rewards.models.waiting import waits_for_others

ENDED = 0.25
"""Share of a batch that has to have ended before these rows leave it, since the others' cache is copied then."""
FORGETFUL = (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    MinPLogitsWarper,
    SuppressTokensLogitsProcessor,
    FirstTokens,
)
"""What changes logits and remembers nothing of the rows; with other processors (but for `NanWatch`) all rows stay."""


class Processors(Protocol):
    """transformers' list of logits processors."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores (B, V) as all of them have changed them."""
        ...

    def __iter__(self) -> Iterator[object]:
        """Each of them."""
        ...


def decoding(model: Model) -> Callable[..., Tensor] | None:
    """What to pass to transformers' `generate` as `custom_generate`: the loop of this module, or None for its own.

    Args:
        model: the model that is to generate, without wrappers such as DDP.
    """
    ours = device_of(model).type == "cpu" and shares(model) and not waits_for_others(model)
    return decode if ours else None


def decode(
    model: Any,
    input_ids: Tensor,
    logits_processor: Processors,
    stopping_criteria: Callable[[Tensor, Tensor], Tensor],
    generation_config: GenerationConfig,
    **inputs: Any,
) -> Tensor:
    """Draw tokens until every row has ended; transformers' `generate` calls this with what it has prepared.

    Args:
        model: a model for which `decoding` returns this function.
        input_ids: (B, P) token ids of the prompts, padded on the left.
        logits_processor: what changes the logits before a token is drawn.
        stopping_criteria: which rows have ended.
        generation_config: the sampling parameters.
        inputs: the mask, the positions and the cache.

    Returns:
        Token ids of prompts and completions, (B, P + T), with padding after the ends.
    """
    most, pad = generation_config.max_length, generation_config.pad_token_id
    assert inputs["use_cache"] and most is not None and not generation_config.return_dict_in_generate
    (size, start), device = input_ids.shape, input_ids.device
    cache: Cache = inputs["past_key_values"]
    known, mask_BS = cache.get_seq_length(), inputs["attention_mask"]
    positions_BS = inputs["position_ids"].expand(size, -1)
    first_C, of_row_B = (None, None) if known else _different(input_ids, mask_BS)
    output = model(
        input_ids=_rows(input_ids[:, known:], first_C),
        attention_mask=None if mask_BS is None else _rows(mask_BS, first_C),
        position_ids=_rows(positions_BS[:, known:], first_C),
        past_key_values=cache,
        use_cache=True,
        **{name: inputs[name] for name in ("logits_to_keep",) if name in inputs},
    )
    make_room(cache, most, of_row_B)
    logits_RV = _rows(output.logits[:, -1], of_row_B)
    drawn_BS = torch.full((size, most), pad, device=device)
    drawn_BS[:, :start] = input_ids
    if mask_BS is not None:
        mask_BS = torch.cat([mask_BS.bool(), mask_BS.new_ones(size, most - start, dtype=torch.bool)], dim=1)
    positions_R1 = positions_BS[:, -1:]
    rows_R, goes_on_R = torch.arange(size, device=device), torch.ones(size, dtype=torch.bool, device=device)
    ids_RS, draw = input_ids, _Draw(size, generation_config.do_sample)
    may_leave = all(isinstance(processor, (*FORGETFUL, NanWatch)) for processor in logits_processor)
    while True:
        scores_RV = logits_processor(ids_RS, logits_RV.to(torch.float32, copy=True))
        del output, logits_RV  # they may be large
        next_R = torch.where(goes_on_R, draw(scores_RV, rows_R), pad)
        drawn_BS[rows_R, ids_RS.shape[1]] = next_R
        ids_RS = torch.cat([ids_RS, next_R.unsqueeze(1)], dim=1)
        goes_on_R = goes_on_R & ~stopping_criteria(ids_RS, scores_RV)
        left = int(goes_on_R.sum())
        if not left:
            return drawn_BS[:, : ids_RS.shape[1]]
        positions_R1 = positions_R1 + 1
        if may_leave and left <= (1 - ENDED) * len(rows_R):
            kept = goes_on_R.nonzero().squeeze(1)
            cache.batch_select_indices(kept)
            rows_R, goes_on_R, ids_RS, positions_R1 = (of[kept] for of in (rows_R, goes_on_R, ids_RS, positions_R1))
            mask_BS = None if mask_BS is None else mask_BS[kept]
            for processor in logits_processor:
                if isinstance(processor, NanWatch):
                    processor.select(kept)
        output = model(
            input_ids=ids_RS[:, -1:],
            attention_mask=_next_mask(model, mask_BS, ids_RS.shape[1]),
            position_ids=positions_R1,
            past_key_values=cache,
            use_cache=True,
        )
        logits_RV = output.logits[:, -1]


class _Draw:
    """Chooses a token of each row; the random numbers of a row do not depend on which others have ended.

    Args:
        size: rows of the whole batch, B.
        sampled: whether tokens are drawn; otherwise the most likely ones are chosen.
    """

    def __init__(self, size: int, sampled: bool) -> None:
        self.size, self.sampled = size, sampled
        self.before = -1
        self.chances_BV: Tensor

    def __call__(self, scores_RV: Tensor, rows_R: Tensor) -> Tensor:
        """The tokens (R,) of the rows that are left, by their scores."""
        if not self.sampled:
            return scores_RV.argmax(dim=-1)
        chances_RV = scores_RV.softmax(dim=-1)
        if len(rows_R) == self.size:
            return chances_RV.multinomial(1).squeeze(1)
        if len(rows_R) != self.before:  # those that have ended draw token 0
            self.chances_BV = chances_RV.new_zeros(self.size, chances_RV.shape[1])
            self.chances_BV[:, 0] = 1
            self.before = len(rows_R)
        self.chances_BV[rows_R] = chances_RV
        return self.chances_BV.multinomial(1).squeeze(1)[rows_R]


def _next_mask(model: Any, mask_BS: Tensor | None, length: int) -> Tensor | None:
    """The mask of the next token, in the form that costs least: one that sdpa takes as it is."""
    if mask_BS is None:
        return None
    mask_BS = mask_BS[:, :length]
    return mask_BS[:, None, None, :] if implementation(model) == "sdpa" else mask_BS.long()


def _different(ids_BP: Tensor, mask_BP: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """A row (C,) of each prompt that differs from all others, and the place (B,) of each row's prompt among these.

    Returns:
        None and None if all prompts differ.
    """
    whole_BP = ids_BP if mask_BP is None else torch.cat([ids_BP, mask_BP], dim=1)
    different, of_row_B = whole_BP.unique(dim=0, return_inverse=True)
    if len(different) == len(ids_BP):
        return None, None
    rows_B = torch.arange(len(ids_BP), device=ids_BP.device)
    first_C = rows_B.new_full((len(different),), len(ids_BP)).scatter_reduce(0, of_row_B, rows_B, "amin")
    return first_C, of_row_B


def _rows(of: Tensor, places: Tensor | None) -> Tensor:
    return of if places is None else of[places]
