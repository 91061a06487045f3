"""The prompts in TRL's order, which TRL itself tells of a batch only when it is due."""

from __future__ import annotations

from itertools import count, islice

from trl.trainer.utils import RepeatSampler


class Passes:
    """Passes over the train split in the order of TRL's sampler, without the incomplete batch at the end of each.

    Args:
        rows: number of rows of the train split.
        batch: prompts of a generation cycle, over all processes; a pass has at least one such batch.
        shuffle: whether each pass has a new order.
        seed: random seed of the orders.

    Attributes:
        drawn: number of prompts so far.
    """

    def __init__(self, rows: int, batch: int, *, shuffle: bool, seed: int) -> None:
        order = RepeatSampler(range(rows), 1, batch, shuffle=shuffle, seed=seed)
        self._places = (place for _ in count() for place in order)
        self.drawn = 0

    def draw(self, prompts: int) -> list[int]:
        """Places of the next prompts in the train split."""
        self.drawn += prompts
        return list(islice(self._places, prompts))
