"""The parts that the fits of a round share: their inputs, and how they average over processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from accelerate import PartialState
from accelerate.utils import gather
from peft import PeftConfig
from torch import Tensor
from transformers import PreTrainedTokenizerBase, TrainerCallback

from rewards.models.types import Model
from rewards.sample import Sample
from rl.config import Config
from rl.config.algorithms import Rounds
from rl.policy.control import Control
from rl.policy.teachers import Teacher


@dataclass(frozen=True)
class Fit:
    """One fit of a round: where it starts from and where it saves.

    Attributes:
        config: the checked config of the run.
        model: the policy to start from.
        reference: the reference policy; None for the model with its adapter off, or if the loss has no reference.
        tokenizer: the policy's.
        lora: adapters to add, or None.
        folder: the folder for checkpoints.
        seed: seed for the order of the examples.
        callbacks: the trainer's callbacks.
        warn: prints a warning.
        teachers: the teachers whose distributions are learnt.
        round: number of the round, from 0.
        control: the policy's control tokens.
        exam: the round's judged samples, for losses that compare with them.
    """

    config: Config
    model: Model
    reference: Model | None
    tokenizer: PreTrainedTokenizerBase
    lora: PeftConfig | None
    folder: Path
    seed: int
    callbacks: Sequence[TrainerCallback]
    warn: Callable[[str], None] = print
    teachers: Sequence[Teacher] = ()
    round: int = 0
    control: Control | None = None
    exam: Sequence[Sample] = ()

    @property
    def trainer(self) -> dict[str, Any]:
        """The config's `trainer` section, with the optimizer steps of this round."""
        settings, algorithm = self.config.trainer, self.config.algorithm
        if not isinstance(algorithm, Rounds) or algorithm.step_growth == 1:
            return settings
        return {**settings, "max_steps": algorithm.steps_of(self.round, settings["max_steps"])}

    @property
    def template_kwargs(self) -> dict[str, Any]:
        """Variables of the chat template, as they were at sampling."""
        return self.config.sampling.chat_template_kwargs

    @property
    def for_trl(self) -> dict[str, Any]:
        """Keyword arguments that all of TRL's trainers take."""
        return {
            "model": self.model,
            "processing_class": self.tokenizer,
            "peft_config": self.lora,
            "callbacks": list(self.callbacks),
        }


def share_of_tokens(tokens: Tensor) -> float:
    """The number of this process's tokens divided by the mean number over all processes.

    TRL takes the mean over the tokens of each process and averages gradients over processes. With this weight, the
    average over processes is the mean over all their tokens. A single process has a share of exactly 1.

    Args:
        tokens: number of this process's tokens, a scalar.
    """
    if PartialState().num_processes == 1:
        return 1.0
    everywhere = cast(Tensor, gather(tokens.reshape(1)))
    return (tokens / everywhere.float().mean()).item()
