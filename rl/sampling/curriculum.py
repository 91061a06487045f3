r"""Which prompts to draw next: at random, or by how often they have been solved of late.

Each prompt has a running solve rate $p$, updated with each group's share of right completions,

    p ← m p + (1 - m) share

and is drawn with weight $p(1 - p)$ scaled to 1 at $p = 1/2$, where a group carries the most signal, but never below
a floor. A prompt that was not drawn yet has weight 1. Every process draws the same prompts in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rl.config.algorithms import Curriculum as CurriculumSettings


class PromptSampler:
    """An endless draw from the train split.

    Args:
        rows: the train split.
        settings: how solve rates count; None for plain passes over the split, each in a new order.
        seed: of the draw.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], settings: CurriculumSettings | None, seed: int) -> None:
        self.rows = rows
        self.settings = settings
        self.random = np.random.default_rng(seed)
        self.solved = np.full(len(rows), np.nan)
        """Running solve rate of each prompt; NaN where it was not drawn yet."""
        self._queue: list[int] = []

    def draw(self, count: int) -> list[int]:
        """Indices of the next prompts; distinct ones as long as the split has enough."""
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
        """Take in how often prompts were solved.

        Args:
            indices: rows of the train split.
            shares: the share of right completions that each had; NaN where it is not known, which changes nothing.
        """
        memory = self.settings.memory if self.settings is not None else 0.0
        for index, share in zip(indices, shares, strict=True):
            if not np.isnan(share):
                before = self.solved[index]
                self.solved[index] = share if np.isnan(before) else memory * before + (1 - memory) * share

    def state_dict(self) -> dict[str, Any]:
        """Solve rates, what is left of the pass, and the random state."""
        return {"solved": self.solved.tolist(), "queue": self._queue, "random": self.random.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self.solved = np.array(state["solved"], dtype=float)
        self._queue = list(state["queue"])
        self.random.bit_generator.state = state["random"]
