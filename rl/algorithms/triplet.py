r"""The triplet loss of Learn-to-Reason (Wang et al. 2023, arXiv:2310.13332, section 3.3), beside the likelihood.

    L = L_SFT + λ mean_i max(0, d(a_i, p_i) - d(a_i, n_i) + m)        d(u, v) = 1 - cos(u, v)

a_i, p_i and n_i are the last hidden states at the last tokens of an example, of another right completion of its
problem, and of one that the policy got wrong in this round's exam. The mean is over the examples of a batch that have
both. The authors' code does not let these gradients reach the prompt's activations; here they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from rewards.models.batches import padded
from rl.algorithms.weighted import WeightedCollator, WeightedSftTrainer
from rl.config.choosing import Triplet


def triplet_loss(anchor_BH: Tensor, positive_BH: Tensor, negative_BH: Tensor, margin: float) -> Tensor:
    """The hinge of each triplet, (B,).

    Args:
        anchor_BH: the examples' hidden states.
        positive_BH: those of other right completions.
        negative_BH: those of wrong completions.
        margin: how much farther a wrong completion should be than a right one, in cosine distance.
    """
    nearer = cosine_similarity(anchor_BH, negative_BH) - cosine_similarity(anchor_BH, positive_BH)
    return (nearer + margin).clamp(min=0)


class TripletSftTrainer(WeightedSftTrainer):
    """TRL's trainer with weights of tokens and the triplet loss; the batch has `triplets` besides.

    Args:
        settings: the config's `algorithm.triplet`.
        arguments: TRL's own keyword arguments.
    """

    def __init__(self, settings: Triplet, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.settings = settings
        self.data_collator = TripletCollator(self.data_collator.plain)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of the module's docstring."""
        triplets = inputs.pop("triplets")
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        hidden_BSH = model(**triplets["read"], use_cache=False, output_hidden_states=True).hidden_states[-1]
        last_B = triplets["read"]["attention_mask"].sum(1) - 1
        states_BH = hidden_BSH[torch.arange(len(last_B), device=last_B.device), last_B].float()
        whole_B = triplets["whole"].float()
        hinge_B = triplet_loss(*states_BH.chunk(3), margin=self.settings.margin)
        count = whole_B.sum()
        hinge = (whole_B * hinge_B).sum() / count.clamp(min=1)
        self._metrics["train"]["triplet/share"].append((count / len(whole_B)).item())
        self._metrics["train"]["triplet/loss"].append(hinge.item())
        # if TRL counts the tokens of all accumulated batches, nothing divides by the number of batches later
        parts = 1 if num_items_in_batch is None else self.current_gradient_accumulation_steps
        more = self.settings.weight * hinge / parts
        return (found[0] + more, found[1]) if return_outputs else found + more


class TripletCollator(WeightedCollator):
    """Adds weights, and the triplets' tokens, to the batch of another collator."""

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The batch, with `triplets`: `read`, the model's arguments, and `whole` (B,), whether a row has a contrast.

        The model reads all anchors, then all positives, then all negatives. A row without a contrast is read in place
        of its positive and negative, so that every process runs the model equally often.
        """
        batch = super().__call__(rows)
        texts: Sequence[list[int]] = [
            row[name] or row["input_ids"] for name in ("input_ids", "positive", "negative") for row in rows
        ]
        ids_BS, mask_BS = padded(texts, 0)
        whole = torch.tensor([bool(row["positive"]) for row in rows])
        batch["triplets"] = {"read": {"input_ids": ids_BS, "attention_mask": mask_BS}, "whole": whole}
        return batch
