"""A copy of the policy in bfloat16, which draws the completions of training (`sampling.dtype: bfloat16`).

Drawing one token after the other is bound by reading the weights, and half the bytes are read in half the time; a
processor with bfloat16 instructions computes faster as well. The copy is made of the policy's weights before each draw,
so that a resumed run draws what an uninterrupted one would.

Completions then come from a distribution μ that is not quite that of the policy π. The update corrects it by importance
sampling: the log-probabilities of the tokens under the copy take the place of those under π_old, and the ratio that the
loss clips is ρ_t = π(a_t) / μ(a_t). `sampling/sampling_logp_difference/mean` in the log is how far apart the two are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor

from rewards.models.types import Generates, Model


class HalfPrecisionCopy:
    """A copy of the policy in bfloat16.

    Args:
        policy: the policy, without wrappers such as DDP.
    """

    def __init__(self, policy: Model) -> None:
        self.policy = policy
        self.model = copy.deepcopy(policy)
        for parameter in self.model.parameters():  # buffers stay: rotary positions need float32
            parameter.data = parameter.data.to(torch.bfloat16)
        for module in self.model.modules():  # TRL's and accelerate's own forward are for training the policy
            vars(module).pop("forward", None)
        self.model.requires_grad_(False).eval()

    def refreshed(self) -> Model:
        """The copy, with the policy's current weights."""
        with torch.no_grad():
            for mine, theirs in zip(self.model.parameters(), self.policy.parameters(), strict=True):
                mine.copy_(theirs)
        return self.model


@contextmanager
def drawing_by(policy: Model, other: Model) -> Iterator[None]:
    """Within this context, the policy's `generate` is that of another model.

    Args:
        policy: the policy.
        other: the model that draws; the policy itself changes nothing.
    """
    if other is policy:
        yield
        return
    cast(Generates, policy).generate = cast(Generates, other).generate
    try:
        yield
    finally:
        del cast(Generates, policy).generate


def difference(logprobs_BT: Tensor, drawn_BT: Tensor, mask_BT: Tensor, rows_R: Tensor | None) -> float:
    """The mean distance of the log-probabilities (nats) of the policy and of its copy.

    Args:
        logprobs_BT: those of the policy.
        drawn_BT: those of the copy.
        mask_BT: 1 on tokens.
        rows_R: indices of the completions that the policy was run on; None for all.
    """
    run = slice(None) if rows_R is None else rows_R
    mask_RT = mask_BT[run]
    apart_RT = (logprobs_BT[run] - drawn_BT[run]).abs() * mask_RT
    return (apart_RT.sum() / mask_RT.sum().clamp(min=1)).item()
