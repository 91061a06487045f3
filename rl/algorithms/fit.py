"""What the fits of a round share: arguments of TRL's config classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from rewards.models.prompts import prompt_ids, render
from rl.config import Config
from rl.errors import UserError
from rl.examples.pairs import Pair


def arguments(kind: type, config: Config, folder: Path, seed: int, rows: int, **own: Any) -> Any:
    """TRL's arguments for one fit: our defaults, `trainer:`, and what the algorithm sets itself.

    As TRL's online trainers do, a last batch that is not full is left out, unless it is the only one.

    Args:
        kind: TRL's config class.
        config: a checked config.
        folder: where the trainer writes checkpoints.
        seed: of the order of the rows.
        rows: how many there are to fit on.
        own: what the algorithm sets.

    Raises:
        UserError: TRL refuses them.
    """
    on_cpu = not torch.accelerator.is_available()
    batch = config.trainer.get("per_device_train_batch_size", 8) * PartialState().num_processes
    defaults: dict[str, Any] = {
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_drop_last": rows >= batch,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "bf16": not on_cpu and torch.cuda.is_bf16_supported() and "fp16" not in config.trainer,
    }
    ours = {"output_dir": str(folder), "seed": seed, "report_to": [], **own}
    try:
        return kind(**{**defaults, **config.trainer, **ours})
    except (ValueError, TypeError) as error:
        raise UserError("trainer", str(error).strip().splitlines()[0]) from error


def share_of_tokens(tokens: Tensor) -> float:
    """This process's tokens over the mean of all processes'.

    TRL's mean over tokens is one of each process, and the gradients of processes are averaged. Weighted with this, the
    average over processes is the mean over all their tokens. One process has a share of exactly 1.

    Args:
        tokens: how many this process has, a scalar.
    """
    if PartialState().num_processes == 1:
        return 1.0
    everywhere: Any = gather(tokens.reshape(1))
    return (tokens / everywhere.float().mean()).item()


def pair_rows(
    pairs: list[Pair], tokenizer: PreTrainedTokenizerBase, template_kwargs: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Pairs as the tokens that were drawn, so that nothing is tokenized twice and a cut completion gets no end.

    Args:
        pairs: what to fit on.
        tokenizer: the policy's.
        template_kwargs: variables of the chat template, as they were when the completions were drawn.
    """
    return [
        {
            "prompt": render(pair.chosen.prompt, tokenizer, template_kwargs).text,
            "chosen": pair.chosen.completion,
            "rejected": pair.rejected.completion,
            "prompt_ids": prompt_ids(pair.chosen.prompt, tokenizer, template_kwargs),
            "chosen_ids": pair.chosen.completion_ids,
            "rejected_ids": pair.rejected.completion_ids,
        }
        for pair in pairs
    ]
