"""What the fits of a round share: arguments of TRL's config classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from rewards.reward import Text
from rl.config import Config
from rl.credit.pairs import Pair
from rl.errors import UserError
from rl.sampling import render


def arguments(kind: type, config: Config, folder: Path, seed: int, **own: Any) -> Any:
    """TRL's arguments for one fit: our defaults, `trainer:`, and what the algorithm sets itself.

    Raises:
        UserError: TRL refuses them.
    """
    on_cpu = not torch.accelerator.is_available()
    defaults: dict[str, Any] = {
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "bf16": not on_cpu and torch.cuda.is_bf16_supported() and "fp16" not in config.trainer,
    }
    ours = {"output_dir": str(folder), "seed": seed, "report_to": [], **own}
    try:
        return kind(**{**defaults, **config.trainer, **ours})
    except (ValueError, TypeError) as error:
        raise UserError("trainer", str(error).strip().splitlines()[0]) from error


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: Text) -> list[int]:
    """The prompt's tokens, as they were when it was sampled from."""
    return tokenizer(render(tokenizer, prompt), add_special_tokens=False)["input_ids"]  # type: ignore[return-value]


def pair_rows(pairs: list[Pair], tokenizer: PreTrainedTokenizerBase) -> list[dict[str, Any]]:
    """Pairs as the tokens that were drawn, so that nothing is tokenized twice and a cut completion gets no end."""
    return [
        {
            "prompt": render(tokenizer, pair.chosen.prompt),
            "chosen": pair.chosen.completion,
            "rejected": pair.rejected.completion,
            "prompt_ids": prompt_ids(tokenizer, pair.chosen.prompt),
            "chosen_ids": pair.chosen.completion_ids,
            "rejected_ids": pair.rejected.completion_ids,
        }
        for pair in pairs
    ]
