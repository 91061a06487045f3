"""Dynamic sampling with refill (DAPO, arXiv:2503.14476, section 3.2): a batch full of groups that carry signal.

A group in which every completion has the same reward has zero advantage. Such groups give way to new ones, drawn in as
many draws as the budget allows; what is still missing then stays as it was, without signal. Each draw after the first
asks for as many prompts as are missing, scaled up by the share of groups that carried signal so far, since some of the
new ones will carry none. What is drawn beyond the batch is dropped.
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
"""The next draw is never scaled up by more than 1 over this."""


@dataclass
class Draw:
    """Groups of completions that were sampled and judged together.

    Attributes:
        batch: as a trainer holds it: name → tensor with a row for each completion; anything else passes through.
        samples: the judged sample of each completion.
        signal: for each group, whether it carries signal.
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
    """A batch of groups that carry signal, as far as the budget allows.

    Args:
        draw: draws so many groups.
        groups: groups wanted.
        group: completions of a group.
        draws: most draws, the first included.
        pad: tensor name → (side, value) to pad (B, T) tensors of different width.
        most: the largest of what each process is missing, so that all draw alike.

    Returns:
        The batch and its samples, groups with signal first, and the number of draws.
    """
    made = [draw(groups)]
    seen, carrying = groups, sum(made[0].signal)
    while (missing := most(max(0, groups - carrying))) and len(made) < draws:
        share = max(carrying / seen, LEAST_SHARE)
        made.append(draw(min(groups, math.ceil(missing / share))))
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
