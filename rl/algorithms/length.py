"""Runs a batch in parts of similar length, so that no sequence waits for another's padding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHRINK = 0.75
"""A part ends where sequences get shorter than this share of its longest."""
FEWEST = 8
"""Least number of sequences in a part: for smaller parts the extra call costs more than the padding it avoids."""


def parts_by_length(lengths_B: Tensor) -> list[Tensor]:
    """Parts of a batch, longest first, as indices of rows.

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
    """Columns that were cut off a batch of sequences on either side."""

    left: int
    right: int


def trimmed(ids_BS: Tensor, mask_BS: Tensor, *, keep: int, left: bool = True) -> tuple[Tensor, Tensor, Cut]:
    """Token ids and mask without the columns that are padding in every row, and what was cut.

    Args:
        ids_BS: left-padded prompts followed by right-padded completions.
        mask_BS: 1 on tokens.
        keep: columns of the completions, of which at least one is kept.
        left: whether to cut on the left too. That moves positions, which is right only where they are relative or
            given.
    """
    size = mask_BS.shape[1]
    used = mask_BS.any(0).nonzero()[:, 0]
    first = int(used[0]) if left and len(used) else 0
    last = max(int(used[-1]) if len(used) else 0, size - keep)
    return ids_BS[:, first : last + 1], mask_BS[:, first : last + 1], Cut(first, size - 1 - last)
