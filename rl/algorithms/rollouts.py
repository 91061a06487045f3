"""Sampled sequences as tensors: left-padded prompts followed by right-padded completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rollouts:
    """Tensors of B sampled sequences.

    Attributes:
        prompt_ids: (B, P), padded on the left.
        prompt_mask: (B, P), 1 on tokens.
        completion_ids: (B, T), padded on the right.
        completion_mask: (B, T), 1 on tokens that count; all zero for a completion that is masked out.
    """

    prompt_ids: Tensor
    prompt_mask: Tensor
    completion_ids: Tensor
    completion_mask: Tensor

    @classmethod
    def of(cls, output: Mapping[str, Tensor]) -> Rollouts:
        """The rollouts of a batch as TRL's trainer holds it."""
        return cls(**{name: output[name] for name in cls.__dataclass_fields__})

    @property
    def ids(self) -> Tensor:
        """Prompts and completions, (B, P + T)."""
        return torch.cat([self.prompt_ids, self.completion_ids], dim=1)

    @property
    def mask(self) -> Tensor:
        """1 on the tokens of prompts and completions, (B, P + T)."""
        return torch.cat([self.prompt_mask, self.completion_mask], dim=1)
