"""Batches of token ids: rows of similar length together, with padding on either side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from rewards.models.types import Model, Tokenizer

BATCH_TOKENS = 16_384
"""Largest number of tokens in a batch, including padding; a longer text has a batch of its own."""
LOGITS = 2**27
"""Largest number of logits per forward pass: half a gigabyte in float32."""


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Batches of rows of similar length as lists of indices, longest rows first.

    Args:
        lengths: number of tokens of each row.
        budget: largest number of tokens in a batch, including padding; a longer row has a batch of its own.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def logits_budget(model: Model, budget: int = BATCH_TOKENS) -> int:
    """Largest number of tokens in a batch if the model returns logits for all of them.

    Args:
        model: a model that returns logits over its whole vocabulary.
        budget: upper bound, whatever the size of the vocabulary.
    """
    return max(1, min(budget, LOGITS // model.config.get_text_config().vocab_size))


def stacked(rows: Sequence[Sequence[float]], fill: float, *, side: Literal["left", "right"] = "right") -> Tensor:
    """Rows as one tensor (B, T), padded on one side.

    Args:
        rows: B rows of numbers.
        fill: the padding value.
        side: the side of the padding.
    """
    longest = max(map(len, rows))
    return torch.tensor(
        [[fill] * (longest - len(row)) + list(row) if side == "left" else [*row, *[fill] * (longest - len(row))]
         for row in rows]
    )  # fmt: skip


def padded(
    rows: Sequence[Sequence[int]],
    pad: int,
    device: torch.device | str | None = None,
    *,
    side: Literal["left", "right"] = "right",
) -> tuple[Tensor, Tensor]:
    """Padded token ids and their mask, both (B, T).

    Args:
        rows: token ids of B texts.
        pad: the padding token.
        device: the device of the tensors.
        side: the side of the padding; `left` for texts that a model continues.
    """
    ids_BT = stacked(rows, pad, side=side).long()
    mask_BT = stacked([[1] * len(row) for row in rows], 0, side=side).long()
    return ids_BT.to(device), mask_BT.to(device)


def pad_id(tokenizer: Tokenizer) -> int:
    """A token for padding; any token will do, since padding is masked."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return token
    return 0
