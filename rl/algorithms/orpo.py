r"""ORPO: odds ratio preference optimization (Hong et al. 2024, arXiv:2403.07691, eq. 6), by TRL's `ORPOTrainer`.

    L = NLL(y_w) - β log σ( log odds(y_w|x) - log odds(y_l|x) ),   odds = p / (1 - p)

with y_w the chosen completion, y_l the rejected one, and log p the mean log-probability over a completion's tokens.
There is no reference policy. TRL's negative log-likelihood (NLL) covers the tokens of the prompt as well as those of
the completion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from torch import nn
from transformers import PrinterCallback
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from rl.algorithms.fit import Fit, share_of_tokens
from rl.algorithms.preference import examples as examples
from rl.algorithms.preference import learnable, pair_length, pair_rows
from rl.algorithms.trl_arguments import drop_incomplete_batches, fit_arguments
from rl.examples.pairs import Pair

NLL = 4
"""Place of the negative log-likelihood in what TRL's forward pass returns; of a mixture of experts, its balancing loss
comes after it."""


class PairsORPOTrainer(ORPOTrainer):
    """TRL's trainer on pairs that are already tokenized, with a negative log-likelihood over all processes' tokens."""

    def tokenize_row(self, feature: dict[str, Any], model: nn.Module | None = None) -> dict[str, Any]:
        """The row in TRL's format: only completions have labels, and sequences are truncated to `max_length` tokens."""
        prompt = feature["prompt_ids"]
        row: dict[str, Any] = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
        for name in ("chosen", "rejected"):
            ids = (prompt + feature[f"{name}_ids"])[: self.max_length]
            labels = ([-100] * len(prompt) + feature[f"{name}_ids"])[: self.max_length]
            row |= {f"{name}_input_ids": ids, f"{name}_attention_mask": [1] * len(ids), f"{name}_labels": labels}
        return row

    def concatenated_forward(self, model: nn.Module, batch: dict[str, Any]) -> Any:
        """TRL's forward pass; its NLL is weighted by this process's share of the tokens."""
        *before, nll = (found := super().concatenated_forward(model, batch))[: NLL + 1]
        return *before, nll * share_of_tokens(batch["chosen_attention_mask"][:, 1:].sum()), *found[NLL + 1 :]


def build(fit: Fit, examples: Sequence[Pair]) -> ORPOTrainer:
    """TRL's trainer for one fit.

    Args:
        fit: the models, settings and folder of the fit.
        examples: the pairs to fit on.

    Raises:
        UserError: TRL rejects the arguments.
    """
    rows = pair_rows(examples, fit.tokenizer, fit.template_kwargs)
    lengths, prompts = [pair_length(row) for row in rows], [len(row["prompt_ids"]) for row in rows]
    limit = fit.config.trainer.get("max_length") or max(lengths)  # ORPOTrainer reads None as 512
    trainer = PairsORPOTrainer(
        args=fit_arguments(ORPOConfig, fit, lengths, prompts, remove_unused_columns=False, max_length=limit),
        train_dataset=Dataset.from_list(learnable(rows, fit)),
        **fit.for_trl,
    )
    drop_incomplete_batches(trainer, fit)
    trainer.remove_callback(PrinterCallback)
    return trainer
