r"""SFT on kept completions, as in STaR (arXiv:2203.14465) and RFT (arXiv:2308.01825), by TRL's `SFTTrainer`.

    L = - Σ_t w_t log π(y_t | x, y_<t) / |{t : w_t > 0}|

over the completion's tokens. A weight w_t is 1, or `algorithm.wrong_step_weight` on the tokens of steps that the
verifier judged wrong. Tokens that weigh nothing have no label, and TRL's own trainer does the rest; weights between 0
and 1 take `WeightedSftTrainer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rewards.models.prompts import prompt_ids
from rewards.sample import Sample
from rl.algorithms.fit import Fit
from rl.algorithms.trl_arguments import fit_arguments
from rl.config.algorithms import Sft
from rl.examples.hints import worth_learning
from rl.examples.keep import keep

IGNORE = -100


def examples(samples: Sequence[Sample], settings: Sft) -> tuple[list[Sample], dict[str, float]]:
    """The completions to imitate, and figures about them for the log.

    Args:
        samples: the pool, judged.
        settings: the config's `algorithm` section.
    """
    kept = keep(worth_learning(samples), **settings.keep.model_dump())
    hinted = sum(one.hinted for one in kept)
    return kept, {"rounds/kept": len(kept), "rounds/hinted": hinted / max(len(kept), 1)}


def build(fit: Fit, examples: Sequence[Sample]) -> SFTTrainer:
    """TRL's trainer for one fit.

    Args:
        fit: where it starts from and where it saves.
        examples: the completions to imitate.

    Raises:
        UserError: TRL refuses the arguments.
    """
    config = fit.config
    assert isinstance(config.algorithm, Sft)
    weight = config.algorithm.wrong_step_weight
    rows = [
        row(one, fit.tokenizer, wrong_steps(one) if weight < 1 else (), weight, fit.template_kwargs) for one in examples
    ]
    lengths = [len(one["input_ids"]) for one in rows]
    weighted = 0 < weight < 1
    own: dict[str, Any] = {"remove_unused_columns": not weighted}
    if config.trainer.get("packing") and config.trainer.get("max_length") is None:
        own["max_length"] = max(lengths)  # packing fills sequences of a given length
    trainer = (WeightedSftTrainer if weighted else SFTTrainer)(
        args=fit_arguments(SFTConfig, fit, lengths, **own),
        train_dataset=Dataset.from_list(rows),
        **fit.for_trl,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


class WeightedSftTrainer(SFTTrainer):
    """TRL's trainer with a weight a token, from the batch's `weights` (B, T).

    TRL sums the log-probabilities that the model's forward gives it, so the weights go on them there.
    """

    def __init__(self, *given: Any, **arguments: Any) -> None:
        super().__init__(*given, **arguments)
        self.data_collator = WeightedCollator(self.data_collator)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss on weighted log-probabilities."""
        weights_BS = inputs.pop("weights")[:, 1:]  # the first token has no log-probability

        def weigh(module: Any, given: Any, outputs: Any) -> Any:
            if "log_probs" in outputs:
                outputs.log_probs = weights_BS * outputs.log_probs
            return outputs

        hook = model.register_forward_hook(weigh)
        try:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        finally:
            hook.remove()


class WeightedCollator:
    """Another collator's batch, and the rows' `weights` beside it.

    Args:
        plain: that collator.
    """

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch padded on the right, weights cut off at `trainer.max_length` as TRL has done with the labels."""
        batch = self.plain(rows)
        length = batch["labels"].shape[1]
        batch["weights"] = torch.tensor([(row["weights"] + [1.0] * length)[:length] for row in rows])
        return batch


def wrong_steps(sample: Sample) -> list[tuple[int, int]]:
    """Spans of the steps that the task's verifier judged wrong."""
    return [(step.start, step.end) for step in sample.steps if step.right is False]


def row(
    sample: Sample,
    tokenizer: PreTrainedTokenizerBase,
    spans: Sequence[tuple[int, int]] = (),
    weight: float = 1.0,
    template_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, list[Any]]:
    """Token ids, labels and weights of a sample; the prompt and what weighs nothing have no label.

    Args:
        sample: a kept completion.
        tokenizer: the policy's.
        spans: character spans (start, end) of the completion; a token that touches one has their weight.
        weight: that weight; all other tokens weigh 1.
        template_kwargs: variables of the chat template, as they were at sampling.
    """
    prompt, weights, start = prompt_ids(sample.prompt, tokenizer, template_kwargs), [], 0
    for place in range(len(sample.ids)):
        touched = False
        if spans:
            end = len(tokenizer.decode(sample.ids[: place + 1], skip_special_tokens=True))
            touched = any(start < last and end > first for first, last in spans)
            start = end
        weights.append(weight if touched else 1.0)
    labels = [token if one else IGNORE for token, one in zip(sample.ids, weights, strict=True)]
    return {
        "input_ids": prompt + sample.ids,
        "labels": [IGNORE] * len(prompt) + labels,
        "weights": [1.0] * len(prompt) + weights,
    }
