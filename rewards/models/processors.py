"""What sees the logits of each step of generation: a watch for NaN, and branched sampling.

In branched sampling each completion of a prompt begins with another one of the most likely first tokens, as in SERT
(Zhang et al. 2025, arXiv:2502.12744) and chain-of-thought decoding (Wang and Zhou 2024, arXiv:2402.10200): a model that
answers at once by greedy decoding often reasons if its completion begins with a less likely token.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


class NanWatch(LogitsProcessor):
    """Remembers which rows of a batch had NaN logits, for which greedy decoding would still choose a token.

    Attributes:
        broken_B: for each row, whether it had some; missing before the first step.
    """

    broken_B: Tensor
    _rows_R: Tensor

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  # torch's types
        """The scores as they are."""
        now_R = scores.isnan().any(-1)
        if not hasattr(self, "broken_B"):
            self.broken_B, self._rows_R = torch.zeros_like(now_R), torch.arange(len(now_R), device=now_R.device)
        self.broken_B[self._rows_R] |= now_R
        return scores

    def select(self, kept: Tensor) -> None:
        """From now on, only the given ones of the rows before are there."""
        self._rows_R = self._rows_R[kept]


class FirstTokens(LogitsProcessor):
    """Forces the first token of each completion of a batch to be the one of a given rank; later ones are drawn freely.

    transformers applies it before temperature, top_p and top_k, so these do not concern the first token.

    Args:
        start: number of tokens before the completions.
        ranks: for each row of the batch, the rank of its first token by probability, from 0.
    """

    def __init__(self, start: int, ranks: Sequence[int]) -> None:
        self.start, self.ranks = start, ranks

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  # torch's types
        """The scores (B, V), or 0 for the token of the rank and -inf for all others where completions begin."""
        if input_ids.shape[1] != self.start:
            return scores
        ranks_B1 = torch.tensor(self.ranks, device=scores.device).unsqueeze(1)
        chosen_B1 = scores.argsort(dim=-1, descending=True, stable=True).gather(1, ranks_B1)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen_B1, 0.0)
