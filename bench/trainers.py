"""Ours and plain TRL's trainers on the same config, policy, problems and rewards, for the benches that compare them.

TRL has two forms. `trl_given_ours` gets every argument that Whetstone gives TRL, so only the code differs.
`trl_as_it_comes` gets the sizes alone (completions, tokens, batch, learning rate, number of steps), and TRL decides the
rest, such as gradient checkpointing and bfloat16.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from accelerate import PartialState
from datasets import Dataset
from harness import CONFIGS, QUIET
from rich.console import Console
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import setup, tasks
from rl.algorithms.online import OnlineTrainer
from rl.algorithms.trl_arguments import grpo_config_arguments
from rl.config import Config, load
from rl.config.generation_cycle import GenerationCycle
from rl.context import RunContext
from rl.storage.run_folder import RunFolder

LEFT_TO_TRL = ("gradient_checkpointing", "bf16", "scale_rewards", "ddp_broadcast_buffers")
"""Arguments that TRL decides on by itself where it comes as it is."""

Build = Callable[[RunContext, Sequence[TrainerCallback]], GRPOTrainer]
"""Makes a trainer of the loaded parts of a run and its callbacks."""


def configured(seed: int, file: str | Path, *overrides: str) -> Config:
    """A config that writes nothing during the run.

    Args:
        seed: the run's seed.
        file: a name in `configs/`, or a path.
        overrides: `key=value`.
    """
    path = file if isinstance(file, Path) else CONFIGS / f"{file}.yaml"
    return load(path, [*QUIET, f"seed={seed}", "trainer.save_strategy='no'", *overrides])


def prepared(config: Config, folder: str | Path) -> RunContext:
    """Everything that a run of a config needs, without writing to a run folder."""
    setup.quiet(config)
    task, console = tasks.load(config), Console(quiet=True)
    mix, policy = setup.rewards_and_policy(config, task, console)
    return RunContext(config, task, policy, mix, RunFolder(folder), PartialState(), console)


def ours(run: RunContext, callbacks: Sequence[TrainerCallback]) -> OnlineTrainer:
    """Whetstone's trainer for the config's algorithm."""
    return importlib.import_module(run.config.algorithm.module).build(run, callbacks)


def trl_given_ours(run: RunContext, callbacks: Sequence[TrainerCallback]) -> GRPOTrainer:
    """TRL's trainer with all of Whetstone's arguments; each reward counts as one number per completion."""
    return _trl(run, callbacks, grpo_config_arguments(run.config, run.folder))


def trl_as_it_comes(run: RunContext, callbacks: Sequence[TrainerCallback]) -> GRPOTrainer:
    """TRL's trainer with the config's sizes, and its own defaults for everything else."""
    return _trl(run, callbacks, left_to_trl(grpo_config_arguments(run.config, run.folder)))


def left_to_trl(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `GRPOConfig` without those that TRL decides on by itself."""
    return {name: value for name, value in arguments.items() if name not in LEFT_TO_TRL}


def _trl(run: RunContext, callbacks: Sequence[TrainerCallback], arguments: dict[str, Any]) -> GRPOTrainer:
    trainer = GRPOTrainer(
        model=run.policy.model,
        reward_funcs=[run.mix],
        args=GRPOConfig(**arguments),
        train_dataset=Dataset.from_list(run.task.splits["train"]),
        processing_class=run.tokenizer,
        peft_config=run.policy.lora,
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def steps_a_draw(config: Config) -> int:
    """Optimizer steps that a config takes on each draw of completions."""
    return GenerationCycle.of(config).optimizer_steps


class Drawn:
    """What a trainer has sampled so far, for training and not for evaluation.

    Args:
        trainer: ours or TRL's; both sample in `_generate`.

    Attributes:
        completions: the number of completions.
        tokens: their tokens.
        seconds: the time that sampling them took.
        seconds_each: the same of each draw.
    """

    def __init__(self, trainer: GRPOTrainer) -> None:
        self.completions = self.tokens = 0
        self.seconds, self.seconds_each = 0.0, list[float]()
        generate: Any = trainer._generate

        def counted(prompts: list[Any]) -> tuple[Any, ...]:
            started = time.perf_counter()
            generated = generate(prompts)
            self.seconds_each.append(time.perf_counter() - started)
            self.seconds += self.seconds_each[-1]
            self.completions += len(generated[1])
            self.tokens += sum(map(len, generated[1]))
            return generated

        trainer._generate = counted
