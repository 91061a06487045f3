r"""SFT on kept completions, as in STaR (arXiv:2203.14465) and RFT (arXiv:2308.01825), by TRL's `SFTTrainer`.

    L = - Σ_t w_t log π(y_t | x, y_<t) / Σ_t w_t

over the completion's tokens. A weight w_t is 1, or 0 on tokens of masked character spans: with
`algorithm.mask_wrong_steps`, the steps that the verifier judged wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftConfig
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rl.algorithms.fit import arguments, prompt_ids
from rl.config import Config
from rl.config.algorithms import Sft
from rl.pool import Sample

IGNORE = -100


def build(
    config: Config,
    model: Any,
    tokenizer: Any,
    lora: PeftConfig | None,
    kept: list[Sample],
    folder: Path,
    seed: int,
    callbacks: list[TrainerCallback],
) -> SFTTrainer:
    """TRL's trainer for one fit; the arguments are those of `rl.algorithms.dpo.build`, with samples for pairs.

    Raises:
        UserError: TRL refuses the arguments.
    """
    assert isinstance(config.algorithm, Sft)
    masks = config.algorithm.mask_wrong_steps
    trainer = SFTTrainer(
        model=model,
        args=arguments(SFTConfig, config, folder, seed, len(kept)),
        train_dataset=Dataset.from_list([row(one, tokenizer, wrong_steps(one) if masks else ()) for one in kept]),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def wrong_steps(sample: Sample) -> list[tuple[int, int]]:
    """Spans of the steps that the verifier judged, and not as right."""
    return [(start, end) for start, end, score in sample.steps if score is not None and score < 1.0]


def row(
    sample: Sample, tokenizer: PreTrainedTokenizerBase, masked: Sequence[tuple[int, int]] = ()
) -> dict[str, list[int]]:
    """Token ids and labels of a sample; prompt and masked spans have none.

    Args:
        sample: a kept completion.
        tokenizer: the policy's.
        masked: character spans (start, end) of the completion whose tokens weigh zero; a token that touches one does.
    """
    prompt, labels, start = prompt_ids(tokenizer, sample.prompt), [], 0
    for place, token in enumerate(sample.completion_ids):
        if masked:
            end = len(tokenizer.decode(sample.completion_ids[: place + 1], skip_special_tokens=True))
            token = IGNORE if any(start < last and end > first for first, last in masked) else token
            start = end
        labels.append(token)
    return {"input_ids": prompt + sample.completion_ids, "labels": [IGNORE] * len(prompt) + labels}
