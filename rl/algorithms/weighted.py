"""TRL's `SFTTrainer` with a weight for each token of the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from trl.trainer.sft_trainer import SFTTrainer

Collator = Callable[[list[dict[str, Any]]], dict[str, Any]]
"""Makes a batch of rows."""


class WeightedSftTrainer(SFTTrainer):
    """TRL's trainer with a weight for each token, from the batch's `weights` (B, T).

    TRL sums the log-probabilities that the model's forward pass returns, so the weights are applied there.
    """

    def __init__(self, *given: Any, **arguments: Any) -> None:
        super().__init__(*given, **arguments)
        self.data_collator = WeightedCollator(self.data_collator)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss on weighted log-probabilities."""
        weights_BS = inputs.pop("weights")[:, 1:]  # the first token has no log-probability

        def weigh(module: nn.Module, given: object, outputs: Any) -> Any:
            if "log_probs" in outputs:
                outputs.log_probs = weights_BS * outputs.log_probs
            return outputs

        hook = model.register_forward_hook(weigh)
        try:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        finally:
            hook.remove()


class WeightedCollator:
    """Adds the rows' `weights` to the batch of another collator.

    Args:
        plain: the other collator.
    """

    def __init__(self, plain: Collator) -> None:
        self.plain = plain

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch padded on the right, with weights cut off at `trainer.max_length` like TRL's labels."""
        batch = self.plain(rows)
        length = batch["labels"].shape[1]
        batch["weights"] = torch.tensor([(row["weights"] + [1.0] * length)[:length] for row in rows])
        return batch
