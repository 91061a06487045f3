"""The generation cycle: sampling a batch of completions, and the optimizer steps that TRL takes on it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rl.config.wrong_key import WrongKey
from rl.errors import UserError

if TYPE_CHECKING:
    from rl.config import Config


@dataclass(frozen=True)
class GenerationCycle:
    """The sizes of one of TRL's generation cycles.

    Attributes:
        completions: completions per cycle, over all processes.
        completions_a_process: completions per cycle on each process.
        optimizer_steps: optimizer steps per cycle.
        formula: the factors of `completions`, for messages.
    """

    completions: int
    completions_a_process: int
    optimizer_steps: int
    formula: str

    def check_rows(self, rows: int, group: int) -> None:
        """Refuse a train split that is smaller than a generation cycle: TRL would not take a single step on it.

        TRL's sampler drops the incomplete last cycle of each pass. With a curriculum or dynamic sampling, which draw
        other prompts, TRL's sampler still determines the number of steps.

        Args:
            rows: number of rows in the train split.
            group: completions per prompt.

        Raises:
            UserError: the split is too small.
        """
        needed = self.completions // group
        if rows < needed:
            raise UserError(
                "task",
                f"its train split has {rows:,} rows, and a generation cycle needs {needed:,} prompts: "
                f"{self.completions:,} completions ({self.formula}), {group} per prompt; not one step could be taken; "
                f"give more rows, raise sampling.completions, or lower trainer.per_device_train_batch_size or "
                f"trainer.steps_per_generation",
            )

    @classmethod
    def of(cls, config: Config) -> GenerationCycle:
        """The cycle of a config, for the number of processes that the launcher has set."""
        trainer, processes = config.trainer, int(os.environ.get("WORLD_SIZE", "1"))
        batch = trainer.get("per_device_train_batch_size", 8)
        accumulate = trainer.get("gradient_accumulation_steps", 1)
        if trainer.get("generation_batch_size") is not None:
            if trainer["generation_batch_size"] % (batch * processes):
                raise WrongKey(
                    "trainer.generation_batch_size",
                    f"{trainer['generation_batch_size']} is not a multiple of the batch of {batch * processes}",
                )
            per_generation = trainer["generation_batch_size"] // (batch * processes)
        else:
            per_generation = trainer.get("steps_per_generation") or accumulate
        micro_steps = per_generation * (trainer.get("num_iterations") or 1)
        if micro_steps % accumulate:
            raise WrongKey(
                "trainer.gradient_accumulation_steps",
                f"a generation cycle of {micro_steps} micro-batches does not divide into steps of {accumulate}",
            )
        return cls(
            completions=batch * processes * per_generation,
            completions_a_process=batch * per_generation,
            optimizer_steps=micro_steps // accumulate,
            formula=f"{batch} a device x {processes} x {per_generation}",
        )
