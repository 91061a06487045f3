"""Splits a batch into parts of similar length, to save computation on padding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHRINK = 0.75
"""A new part starts where sequences are shorter than this share of the longest in the current part."""
FEWEST = 8
"""Smallest number of sequences in a part: for fewer, the extra call costs more than the padding it avoids."""


def parts_by_length(lengths_B: Tensor) -> list[Tensor]:
    """The parts of a batch as indices of rows, longest first.

    Args:
        lengths_B: tokens of each row, prompt and completion together.
    """
    sorted_lengths, order = torch.sort(lengths_B, descending=True, stable=True)
    lengths = sorted_lengths.tolist()
    starts = [0]
    for place, length in enumerate(lengths):
        if place - starts[-1] >= FEWEST and length < SHRINK * lengths[starts[-1]] and len(lengths) - place >= FEWEST:
            starts.append(place)
    return [order[start:end] for start, end in zip(starts, [*starts[1:], len(lengths)], strict=True)]


@dataclass(frozen=True)
class Cut:
    """Number of columns removed from a batch of sequences on each side."""

    left: int
    right: int


def trimmed(ids_BS: Tensor, mask_BS: Tensor, *, keep: int, left: bool = True) -> tuple[Tensor, Tensor, Cut]:
    """Token ids and mask without the columns that are padding in every row, and the number of removed columns.

    Args:
        ids_BS: left-padded prompts followed by right-padded completions.
        mask_BS: 1 on tokens, 0 on padding.
        keep: number of columns of the completions; at least one of them is kept.
        left: whether to remove columns on the left as well. That shifts positions, so it is valid only if they are
            relative or passed explicitly.
    """
    size = mask_BS.shape[1]
    used = mask_BS.any(0).nonzero()[:, 0]
    first = int(used[0]) if left and len(used) else 0
    last = max(int(used[-1]) if len(used) else 0, size - keep)
    return ids_BS[:, first : last + 1], mask_BS[:, first : last + 1], Cut(first, size - 1 - last)
