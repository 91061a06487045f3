r"""ORPO: odds ratio preference optimization (Hong et al. 2024, arXiv:2403.07691, eq. 6), by TRL's `ORPOTrainer`.

    L = NLL(y_w) - β log σ( log odds(y_w|x) - log odds(y_l|x) ),   odds = p / (1 - p)

with log p the mean log-probability over the completion's tokens, and no reference policy. TRL takes the NLL over the
prompt's tokens as well as the completion's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftConfig
from transformers import PrinterCallback, TrainerCallback
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from rl.algorithms.fit import arguments, pair_rows, share_of_tokens
from rl.config import Config
from rl.examples.pairs import Pair


class PairsORPOTrainer(ORPOTrainer):
    """TRL's trainer on pairs that are tokens already, with an NLL over the tokens of all processes."""

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The row in TRL's form; the completion alone has labels, and what passes `max_length` is cut off."""
        prompt = feature["prompt_ids"]
        row: dict[str, Any] = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
        for name in ("chosen", "rejected"):
            ids = (prompt + feature[f"{name}_ids"])[: self.max_length]
            labels = ([-100] * len(prompt) + feature[f"{name}_ids"])[: self.max_length]
            row |= {f"{name}_input_ids": ids, f"{name}_attention_mask": [1] * len(ids), f"{name}_labels": labels}
        return row

    def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> Any:
        """TRL's forward pass; its NLL is weighted by this process's share of the tokens."""
        *others, nll = super().concatenated_forward(model, batch)
        return *others, nll * share_of_tokens(batch["chosen_attention_mask"][:, 1:].sum())


def build(
    config: Config,
    model: Any,
    tokenizer: Any,
    lora: PeftConfig | None,
    pairs: list[Pair],
    folder: Path,
    seed: int,
    callbacks: list[TrainerCallback],
) -> ORPOTrainer:
    """TRL's trainer for one fit; the arguments are those of `rl.algorithms.dpo.build`.

    Raises:
        UserError: TRL refuses the arguments.
    """
    trainer = PairsORPOTrainer(
        model=model,
        args=arguments(ORPOConfig, config, folder, seed, len(pairs), remove_unused_columns=False),
        train_dataset=Dataset.from_list(pair_rows(pairs, tokenizer, config.sampling.chat_template_kwargs)),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
