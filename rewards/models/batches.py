"""Rows of token ids as batches: similar lengths together, and padding on either side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from rewards.models.types import Model, Tokenizer

BATCH_TOKENS = 16_384
"""Tokens in a batch, padding included; a longer text has a batch of its own."""
LOGITS = 2**27
"""Logits that one forward pass may give at most: half a gigabyte of them in float32."""


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Indices of rows in batches of similar length, the longest first.

    Args:
        lengths: tokens of each row.
        budget: tokens in a batch at most, padding included; a longer row has a batch of its own.
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
    """Tokens that a batch may have where the model gives logits for all of them.

    Args:
        model: gives logits over its whole vocabulary.
        budget: tokens in a batch at most, whatever the vocabulary.
    """
    return max(1, min(budget, LOGITS // model.config.get_text_config().vocab_size))


def stacked(rows: Sequence[Sequence[float]], fill: float, *, side: Literal["left", "right"] = "right") -> Tensor:
    """Rows as one tensor (B, T), padded on one side.

    Args:
        rows: B rows of numbers.
        fill: what pads them.
        side: where the padding goes.
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
    """Token ids and their mask, both (B, T).

    Args:
        rows: token ids of B texts.
        pad: the token that pads them.
        device: of the tensors.
        side: where the padding goes: left for texts that are continued.
    """
    ids_BT = stacked(rows, pad, side=side).long()
    mask_BT = stacked([[1] * len(row) for row in rows], 0, side=side).long()
    return ids_BT.to(device), mask_BT.to(device)


def pad_id(tokenizer: Tokenizer) -> int:
    """A token to pad with; it is masked, so any will do."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(token, int):
            return token
    return 0
