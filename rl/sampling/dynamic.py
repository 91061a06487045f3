"""Dynamic sampling with refill (DAPO, arXiv:2503.14476, section 3.2): a batch full of groups that carry signal.

A group whose completions all earned the same teaches nothing. Such groups give way to new ones, drawn in as many
draws as the budget allows; what is still missing then stays as it was, without signal. Each draw after the first asks
for as many prompts as are missing, scaled up by the share of groups that carried signal so far, since some of the new
ones will carry none. What is drawn beyond the batch is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LEAST_SHARE = 0.25
"""The next draw is never scaled up by more than 1 over this."""


@dataclass
class Batch:
    """Groups as a trainer holds them.

    Attributes:
        output: name → tensor with a row a completion; anything else is the batch's own and passes through.
        signal: for each group, whether it carries signal.
    """

    output: dict[str, Any]
    signal: list[bool]


def fill(
    draw: Callable[[int], Batch],
    groups: int,
    group: int,
    draws: int,
    pad: Mapping[str, tuple[str, float]],
    most: Callable[[int], int] = lambda missing: missing,
) -> tuple[dict[str, Any], int]:
    """A batch of groups that carry signal, as far as the budget allows.

    Args:
        draw: makes a batch of so many groups.
        groups: groups wanted.
        group: completions a group.
        draws: most draws, the first included.
        pad: tensor name → (side, value) to pad (B, T) tensors of different width.
        most: the largest of what each process is missing, so that all draw alike.

    Returns:
        The batch, groups with signal first, and the number of draws.
    """
    batches = [draw(groups)]
    seen, carrying = groups, sum(batches[0].signal)
    while (missing := most(max(0, groups - carrying))) and len(batches) < draws:
        share = max(carrying / seen, LEAST_SHARE)
        batches.append(draw(min(groups, math.ceil(missing / share))))
        seen += len(batches[-1].signal)
        carrying += sum(batches[-1].signal)
    if len(batches) == 1:
        return batches[0].output, 1
    signal = [carries for batch in batches for carries in batch.signal]
    chosen = sorted(range(len(signal)), key=lambda place: not signal[place])[:groups]
    rows = torch.tensor([place * group + member for place in chosen for member in range(group)])
    output = _joined([batch.output for batch in batches], pad)
    return {name: value[rows] if _is_rows(value) else value for name, value in output.items()}, len(batches)


def _is_rows(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0


def _joined(outputs: Sequence[Mapping[str, Any]], pad: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """The batches' tensors one below the other, padded to the widest."""
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
