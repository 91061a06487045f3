r"""The training of a process reward model: labels and losses.

With one label, the loss is binary cross-entropy on the logit $z_t$ at a step's end, $-[y_t \log \sigma(z_t) + (1 - y_t)
\log(1 - \sigma(z_t))]$; with two classes it is cross-entropy against $(1 - y_t, y_t)$. Both accept hard and soft
labels. The mean is over the labelled steps of a batch. Tokens that end no step and steps without a label have no loss.

With `lm_weight`, the model also keeps learning to write right steps: the next-token loss of the starting model's own
head is added, on each completion up to its first step that is not right (the text-generation regularization of Yang et
al. 2024, arXiv:2406.10216, which uses the chosen answers). A label is a single bit, and fitting such bits alone soon
destroys the knowledge that is needed to predict them; on the embedded task the step AUC is 0.94 without this loss and
0.98 with it (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, Trainer
from transformers.modeling_outputs import TokenClassifierOutput

from rewards.models import load as models
from rewards.models.batches import pad_id, padded, stacked
from rewards.sample import Sample
from rl.errors import UserError
from rl.prm.labelled import scores_of
from rl.prm.scores import encode

IGNORE = -100.0
"""Label of a token without a loss."""


class PrmTrainer(Trainer):
    """Adds to the loss of the labels the next-token loss on right steps.

    Args:
        lm_weight: weight of the next-token loss; 0 for none.
        lm_head: (V, H), the starting model's output embedding, which is not trained.
    """

    def __init__(self, *, lm_weight: float, lm_head: torch.Tensor | None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.lm_weight, self.lm_head = lm_weight, lm_head

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, TokenClassifierOutput]:
        """The label loss, and with `lm_weight` the mean next-token loss over the right steps' tokens."""
        targets_BT = inputs.pop("targets")
        inputs["output_hidden_states"] = self.lm_head is not None
        both = super().compute_loss(model, inputs, True, num_items_in_batch)
        total, outputs = cast(tuple[torch.Tensor, TokenClassifierOutput], both)
        if self.lm_head is not None:
            assert outputs.hidden_states is not None
            hidden_BTH = outputs.hidden_states[-1][:, :-1]
            wanted_BT = targets_BT[:, 1:] != int(IGNORE)
            logits_NV = F.linear(hidden_BTH[wanted_BT], self.lm_head).float()
            summed = F.cross_entropy(logits_NV, targets_BT[:, 1:][wanted_BT], reduction="sum")
            total = total + self.lm_weight * summed / wanted_BT.sum().clamp(min=1)
        return (total, outputs) if return_outputs else total


def example(tokenizer: PreTrainedTokenizerBase, sample: Sample, longest: int | None) -> dict[str, list[Any]]:
    """A sample as lists of equal length, one entry per token.

    Args:
        tokenizer: the model's tokenizer, which must be a fast one.
        sample: a sample with labels.
        longest: largest number of tokens; None for no limit.

    Returns:
        `input_ids`; `labels`, a number at the last token of each labelled step, IGNORE elsewhere; `targets`, the
        completion's tokens up to the last step before the first that is not right, IGNORE elsewhere.
    """
    ids, places, prompt = encode(tokenizer, sample, longest)
    labels, right_until, all_right = [IGNORE] * len(ids), prompt, True
    for place, score in zip(places, scores_of(sample.labels), strict=True):
        all_right = all_right and place >= 0 and score is not None and score > 0.5
        if place >= 0 and score is not None:
            labels[place] = score
        if all_right:
            right_until = place + 1
    targets = [token if prompt <= place < right_until else int(IGNORE) for place, token in enumerate(ids)]
    return {"input_ids": ids, "labels": labels, "targets": targets}


def teaches(row: dict[str, list[Any]]) -> bool:
    """Whether any token has a label.

    Args:
        row: what `example` returned.
    """
    return any(label != IGNORE for label in row["labels"])


def collate(batch: Sequence[dict[str, list[Any]]], tokenizer: PreTrainedTokenizerBase) -> dict[str, torch.Tensor]:
    """A batch padded on the right.

    Args:
        batch: B rows of `example`.
        tokenizer: the tokenizer with the pad token, which is masked in attention and loss.

    Returns:
        `input_ids`, `attention_mask`, `labels`, `targets`, each (B, T).
    """
    ids_BT, mask_BT = padded([row["input_ids"] for row in batch], pad_id(tokenizer))
    labels_BT = stacked([row["labels"] for row in batch], IGNORE)
    targets_BT = stacked([row["targets"] for row in batch], int(IGNORE))
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": labels_BT, "targets": targets_BT}


def loss(
    outputs: TokenClassifierOutput, labels_BT: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
) -> torch.Tensor:
    """The mean loss over labelled steps, as in the module's docstring.

    Args:
        outputs: the model's output, with `logits` (B, T, L), L = 1 or 2.
        labels_BT: labels in [0, 1]; IGNORE at tokens without a loss.
        num_items_in_batch: number of labelled steps in all accumulated batches, if the trainer counts them.
    """
    wanted_BT = labels_BT != IGNORE
    labels_S = labels_BT[wanted_BT]
    assert outputs.logits is not None
    logits_SL = outputs.logits.float()[wanted_BT]
    if logits_SL.shape[-1] == 1:
        total = F.binary_cross_entropy_with_logits(logits_SL[:, 0], labels_S, reduction="sum")
    else:
        total = F.cross_entropy(logits_SL, torch.stack([1 - labels_S, labels_S], dim=-1), reduction="sum")
    return total / (max(len(labels_S), 1) if num_items_in_batch is None else num_items_in_batch)


def language_model_head(path: str | Path) -> torch.Tensor:
    """The output embedding (V, H) of a causal language model.

    Raises:
        UserError: the model is not a causal language model, or lacks weights of one.
    """
    try:
        model = models.merged(models.load(path, "causal", dtype="float32").model)
    except ValueError as error:
        raise UserError("--lm-weight", f"{str(path)!r} is not a causal language model: {error}") from error
    head = cast(nn.Linear, model.get_output_embeddings())
    return head.weight.detach().clone()
