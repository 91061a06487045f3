r"""Chooses the next prompts: at random, or by their recent solve rate.

Each prompt has a running solve rate $p$, which is updated with the share of right completions in each of its groups:

    p ← m p + (1 - m) share

A prompt is drawn with a weight proportional to $p(1 - p)$, scaled to 1 at $p = 1/2$, where a group carries the most
signal, and with a lower bound (`floor`). A prompt that has not been drawn yet has weight 1. Every process draws the
same prompts in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rl.config.online import Curriculum as CurriculumSettings


class PromptSampler:
    """An endless draw from the train split.

    Args:
        rows: the train split.
        settings: the curriculum; None for plain passes over the split, each in a new order.
        seed: random seed.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], settings: CurriculumSettings | None, seed: int) -> None:
        self.rows = rows
        self.settings = settings
        self.random = np.random.default_rng(seed)
        self.solved = np.full(len(rows), np.nan)
        """Running solve rate of each prompt; NaN until it is drawn."""
        self._queue: list[int] = []

    def draw(self, count: int) -> list[int]:
        """Indices of the next prompts, which are distinct if the split has enough of them."""
        if self.settings is not None:
            weights = self.weights()
            size = min(count, len(self.rows))
            drawn = self.random.choice(len(self.rows), size, replace=False, p=weights / weights.sum()).tolist()
            return drawn + [drawn[i % size] for i in range(count - size)]
        while len(self._queue) < count:
            self._queue += self.random.permutation(len(self.rows)).tolist()
        drawn, self._queue = self._queue[:count], self._queue[count:]
        return drawn

    def weights(self) -> np.ndarray:
        """Weight of each prompt in the draw."""
        assert self.settings is not None
        rates = np.where(np.isnan(self.solved), 0.5, self.solved)
        return np.maximum(4 * rates * (1 - rates), self.settings.floor)

    def update(self, indices: Sequence[int], shares: Sequence[float]) -> None:
        """Update the solve rates.

        Args:
            indices: indices of prompts in the train split.
            shares: each prompt's share of right completions; NaN if it is unknown, which leaves the rate unchanged.
        """
        memory = self.settings.memory if self.settings is not None else 0.0
        for index, share in zip(indices, shares, strict=True):
            if not np.isnan(share):
                before = self.solved[index]
                self.solved[index] = share if np.isnan(before) else memory * before + (1 - memory) * share

    def state_dict(self) -> dict[str, Any]:
        """Solve rates, the rest of the current pass, and the random state."""
        return {"solved": self.solved.tolist(), "queue": self._queue, "random": self.random.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a saved state."""
        self.solved = np.array(state["solved"], dtype=float)
        self._queue = list(state["queue"])
        self.random.bit_generator.state = state["random"]
