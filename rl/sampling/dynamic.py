"""Dynamic sampling (DAPO, arXiv:2503.14476, section 3.2): fills a batch with groups that carry signal.

A group in which every completion has the same reward has zero advantage. Such groups are replaced by new ones, which
are drawn until the batch is full or the limit of draws is reached; then groups without signal fill the rest. Each draw
after the first asks for the number of missing groups, scaled up by the share of groups that have carried signal so far,
because some of the new ones will not. Groups beyond the size of the batch are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rewards.sample import Sample

LEAST_SHARE = 0.25
"""Lower bound of the share, so that a draw is scaled up by at most 1 / LEAST_SHARE."""


@dataclass
class Draw:
    """Groups of completions that were drawn and judged together.

    Attributes:
        batch: the trainer's batch: name → tensor with one row per completion; other values are passed through.
        samples: the judged sample of each completion.
        signal: whether each group carries signal.
    """

    batch: dict[str, Any]
    samples: list[Sample]
    signal: list[bool]


def fill(
    draw: Callable[[int], Draw],
    groups: int,
    group: int,
    draws: int,
    pad: Mapping[str, tuple[str, float]],
    most: Callable[[int], int] = lambda missing: missing,
) -> tuple[dict[str, Any], list[Sample], int]:
    """Draw a batch of groups that carry signal, as far as the number of draws allows.

    Args:
        draw: draws the given number of groups.
        groups: number of groups in the batch.
        group: number of completions per group.
        draws: largest number of draws, including the first.
        pad: tensor name → (side, value), for padding (B, T) tensors to the same width.
        most: the maximum of a number over processes, so that all draw equally often and equally many.

    Returns:
        The batch and its samples, groups with signal first, and the number of draws.
    """
    made = [draw(groups)]
    seen, carrying = groups, sum(made[0].signal)
    while (missing := most(max(0, groups - carrying))) and len(made) < draws:
        share = max(carrying / seen, LEAST_SHARE)
        # each process has its own share, but all have to draw the same number
        made.append(draw(most(min(groups, math.ceil(missing / share)))))
        seen += len(made[-1].signal)
        carrying += sum(made[-1].signal)
    if len(made) == 1:
        return made[0].batch, made[0].samples, 1
    signal = [carries for one in made for carries in one.signal]
    chosen = sorted(range(len(signal)), key=lambda place: not signal[place])[:groups]
    rows = [place * group + member for place in chosen for member in range(group)]
    samples = [sample for one in made for sample in one.samples]
    joined = _joined([one.batch for one in made], pad)
    batch = {name: value[torch.tensor(rows)] if _is_rows(value) else value for name, value in joined.items()}
    return batch, [samples[row] for row in rows], len(made)


def _is_rows(value: object) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0


def _joined(outputs: Sequence[Mapping[str, Any]], pad: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """The batches' tensors concatenated along the first dimension, padded to the largest width."""
    joined: dict[str, Any] = {}
    for name, first in outputs[0].items():
        if not _is_rows(first):
            joined[name] = first
            continue
        tensors = [output[name] for output in outputs]
        if first.dim() == 2:
            side, value = pad.get(name, ("right", 0.0))
            width = max(tensor.shape[1] for tensor in tensors)
            tensors = [_padded(tensor, width, side, value) for tensor in tensors]
        joined[name] = torch.cat(tensors)
    return joined


def _padded(tensor_BT: Tensor, width: int, side: str, value: float) -> Tensor:
    missing = width - tensor_BT.shape[1]
    return torch.nn.functional.pad(tensor_BT, (missing, 0) if side == "left" else (0, missing), value=value)
