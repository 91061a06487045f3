"""Times optimizer steps: the training phase on a recorded batch beside TRL's, and a draw of PPO beside one of GRPO.

Trainers take turns, so that a change of the machine's speed meets all of them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import made
import torch
from datasets import Dataset
from trainers import Drawn, configured, left_to_trl, ours, prepared, steps_a_draw
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import setup, tasks
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.trl_arguments import grpo_config_arguments
from rl.config import Config
from rl.config.algorithms import Grpo
from rl.policy.warm_start import warm_started
from rl.storage.run_folder import RunFolder

Batch = dict[str, Any]
WARM_UP = 3
"""Turns that do not count."""


def rows(size: int, prompt: int, lengths: torch.Tensor, vocabulary: int, random: torch.Generator) -> Batch:
    """A recorded batch of random tokens.

    Args:
        size: number of completions.
        prompt: tokens of each prompt.
        lengths: tokens of each completion.
        vocabulary: number of tokens to choose from.
        random: the generator.
    """
    width = int(lengths.max())
    return {
        "prompt_ids": torch.randint(3, vocabulary, (size, prompt), generator=random),
        "prompt_mask": torch.ones(size, prompt, dtype=torch.long),
        "completion_ids": torch.randint(3, vocabulary, (size, width), generator=random),
        "completion_mask": (torch.arange(width) < lengths[:, None]).long(),
        "advantages": torch.randn(size, generator=random),
        "num_items_in_batch": lengths.sum(),
    }


def zero_signal(vocabulary: int, random: torch.Generator) -> Batch:
    """320 completions in 40 groups of 8; 24 of the groups, 60%, without signal."""
    batch = rows(320, 10, torch.full((320,), 32), vocabulary, random)
    batch["advantages"][: 24 * 8] = 0.0
    order = torch.randperm(320, generator=random)
    return {name: value[order] if value.dim() else value for name, value in batch.items()}


def mixed_length(vocabulary: int, random: torch.Generator) -> Batch:
    """64 completions of 8 to 256 tokens, all with signal."""
    return rows(64, 10, torch.randint(8, 257, (64,), generator=random), vocabulary, random)


def shared_prefix(vocabulary: int, random: torch.Generator) -> Batch:
    """8 completions of 30 tokens for one prompt of 100, all with signal."""
    batch = rows(8, 100, torch.full((8,), 30), vocabulary, random)
    return {**batch, "prompt_ids": batch["prompt_ids"][:1].expand(8, -1)}


BATCHES: dict[str, tuple[Callable[[int, torch.Generator], Batch], bool]] = {
    "zero_signal_step": (zero_signal, False),
    "mixed_length_step": (mixed_length, False),
    "shared_prefix_step": (shared_prefix, True),
}
"""Row → its batch, and whether the model has SmolLM2-135M's size instead of the embedded policy's."""


def training_phase(name: str, seed: int, turns: int, overrides: Sequence[str]) -> dict[str, list[float]]:
    """Seconds of forward and backward passes on a recorded batch.

    Args:
        name: a name in `BATCHES`.
        seed: random seed of the warm start and the batch.
        turns: number of timed steps of each, at most five with the large model.
        overrides: overrides of `configs/grpo.yaml`.

    Returns:
        `ours`, `trl` (as it comes) and `trl_given_ours` → seconds of each step.
    """
    batch, large = BATCHES[name]
    turns = min(5, turns) if large else turns
    config = configured(seed, "grpo", *overrides)
    task = tasks.load(config)
    folder = warm_started(task, config.policy.warm_start.model_copy(update={"seed": seed}))
    seconds: dict[str, list[float]] = {"ours": [], "trl": [], "trl_given_ours": []}
    with tempfile.TemporaryDirectory() as scratch:
        arguments = grpo_config_arguments(config, RunFolder(scratch))
        trainers: dict[str, GRPOTrainer] = {}
        for who in seconds:
            model: PreTrainedModel = made.model(made.SMOLLM2) if large else AutoModelForCausalLM.from_pretrained(folder)
            given: dict[str, Any] = {
                "model": model,
                "args": GRPOConfig(**(left_to_trl(arguments) if who == "trl" else arguments)),
                "train_dataset": Dataset.from_list(task.splits["train"][:8]),
                "processing_class": AutoTokenizer.from_pretrained(folder),
            }
            mix = setup.rewards(config, task)
            if who == "ours":
                trainers[who] = GrpoTrainer(Grpo(name="grpo"), mix, task.verifier, **given)
            else:
                trainers[who] = GRPOTrainer(reward_funcs=mix, **given)
        inputs = batch(len(AutoTokenizer.from_pretrained(folder)), torch.Generator().manual_seed(seed))
        for turn in range(WARM_UP + turns):
            for who, trainer in trainers.items():
                taken = _one_step(trainer, inputs)
                if turn >= WARM_UP:
                    seconds[who].append(taken)
    return seconds


def _one_step(trainer: GRPOTrainer, inputs: Batch) -> float:
    """Seconds of a forward and a backward pass, as the trainer runs them within a step."""
    model: Any = trainer.model
    model.train()
    trainer.current_gradient_accumulation_steps = 1
    started = time.perf_counter()
    with trainer.compute_loss_context_manager():
        loss = trainer.compute_loss(model, inputs)
    loss.backward()
    taken = time.perf_counter() - started
    model.zero_grad()
    return taken


class Laps(TrainerCallback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start a lap."""
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the lap."""
        self.seconds.append(time.perf_counter() - self.started)


def draws(files: Sequence[str], seed: int, turns: int, overrides: Sequence[str]) -> dict[str, list[float]]:
    """Seconds of a draw of completions with its optimizer steps, in alternating turns of five draws.

    Args:
        files: configs in `configs/`.
        seed: random seed.
        turns: of each config.
        overrides: `key=value`.

    Returns:
        The config → seconds of each draw, without the first of each turn.
    """
    seconds: dict[str, list[float]] = {file: [] for file in files}
    for _ in range(turns):
        for file, taken in seconds.items():
            taken += cycles(configured(seed, file, *overrides), 5)[0][1:]
    return seconds


def cycles(config: Config, count: int) -> tuple[list[float], list[float]]:
    """Seconds of draws of completions with their optimizer steps, and of sampling alone.

    Args:
        config: the config of a run.
        count: number of draws.
    """
    steps, watch = steps_a_draw(config), Laps()
    trainer_settings = {**config.trainer, "max_steps": count * steps}
    with tempfile.TemporaryDirectory() as scratch:
        trainer = ours(prepared(config.model_copy(update={"trainer": trainer_settings}), scratch), [watch])
        drawn = Drawn(trainer)
        trainer.train()
    whole = [sum(watch.seconds[start : start + steps]) for start in range(0, len(watch.seconds), steps)]
    return whole, drawn.seconds_each
