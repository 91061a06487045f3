"""An online run (GRPO, PPO), which samples during training: its trainer and its callbacks."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean

from accelerate.utils import broadcast_object_list
from trl.models.utils import unwrap_model_for_generation

from rewards.models.types import Model
from rl.algorithms.guard import Guard, naming_the_last_good
from rl.algorithms.online import OnlineTrainer
from rl.algorithms.trl_arguments import refusals_named
from rl.config.generation_cycle import GenerationCycle
from rl.context import RunContext
from rl.policy.sharded import Shards
from rl.runs.callbacks import Evaluations, ProgressLine, Records, StopOnSignal
from rl.runs.proxies import Proxies
from rl.runs.run import Run
from rl.storage.checkpoint_folders import best_on_validation, newest_good
from rl.storage.checkpoint_names import step_of
from rl.storage.checkpoints import Checkpoints, ended, refusing_foreign_states, take_up
from rl.storage.run_folder import read_jsonl


class OnlineRun(Run):
    """A run of GRPO or PPO.

    Args:
        context: the loaded parts of the run.
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        config, folder, console = self.config, self.folder, self.console
        records = Records(
            folder,
            config.logging.completions_every,
            list(config.rewards),
            context.warn,
            lambda step, numbers: self.log(step, numbers),
            lambda step, table: self.trackers.table(step, table),
        )
        self.stop = StopOnSignal(GenerationCycle.of(config).optimizer_steps, console)
        evaluations = Evaluations(lambda step: self.measure("validation", step), config.evaluation.every)
        self.progress = ProgressLine(console, lambda: self.right_on_validation, self.trained_for)
        self.checkpoints = Checkpoints(
            folder, config.trainer.get("save_total_limit"), lambda: best_on_validation(folder)
        )
        watching = (Guard(console), Proxies(), Shards(console))
        callbacks = [*watching, records, evaluations, self.progress, self.stop, self.checkpoints]
        build = importlib.import_module(config.algorithm.module).build  # of rl/algorithms/grpo.py or ppo.py
        with refusals_named(config.trainer):
            self.trainer: OnlineTrainer = build(context, callbacks)
        records.trainer = self.checkpoints.trainer = self.trainer
        for callback in watching:
            callback.watch(self.trainer)

    def train(self) -> None:
        """Resume, evaluate, train, and save the policy."""
        resumed = self._resume()
        self.measure("test", 0)
        if self.config.evaluation.every:
            self.measure("validation", 0)
        with refusing_foreign_states(resumed):
            if resumed is not None and ended(resumed, self._max_steps):
                take_up(self.trainer, resumed)
            else:
                self._take_steps(resumed)
        if self.stop.stopped and self.last_step < self.trainer.state.max_steps:
            self.context.say(f"saved at step {self.last_step}. {self.context.how_to_resume}")
            raise KeyboardInterrupt
        self.trainer.close()
        self.trainer.save_model(str(self.folder.model))
        if self.config.evaluation.every:
            self.measure("validation", self.last_step)

    def _take_steps(self, resumed: Path | None) -> None:
        try:
            with self.stop, naming_the_last_good(lambda: newest_good(self.folder.checkpoints, self.context.say)):
                self.trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        finally:
            self.progress.close()

    @property
    def _max_steps(self) -> int | None:
        """Optimizer steps of the whole run; None if the config gives passes over the train split instead."""
        steps = self.config.trainer.get("max_steps", -1)
        return steps if steps > 0 else None

    def generating(self) -> AbstractContextManager[Model]:
        """The current policy, ready to generate; nothing is being judged then."""
        if self.trainer.overlap is not None:
            self.trainer.overlap.settle()
        return unwrap_model_for_generation(self.trainer.model_wrapped, self.trainer.accelerator)

    def trained_tokens(self) -> float:
        """Number of tokens sampled for training."""
        # a log line may cover several draws and a draw several steps, so use the mean times the number of completions
        rows, cycle = read_jsonl(self.folder.metrics), GenerationCycle.of(self.config)
        length, again = (
            [row[name] for row in rows if row.get(name) is not None]
            for name in ("completions/mean_length", "dynamic_sampling/completions")
        )
        each = fmean(again) if again else cycle.completions  # those of a cycle, also the ones that were replaced
        return -(-self.last_step // cycle.optimizer_steps) * each * fmean(length) if length else 0

    @property
    def last_step(self) -> int:
        """Optimizer steps so far."""
        return self.trainer.state.global_step

    def _resume(self) -> Path | None:
        """Find the newest intact checkpoint and rewind the records to it; None for a run from the start."""
        mine = newest_good(self.folder.checkpoints, self.context.warn) if self.state.is_main_process else None
        (resumed,) = broadcast_object_list([mine])
        self.checkpoints.resumed = resumed
        step = 0 if resumed is None else step_of(resumed)
        if resumed is not None:
            self.context.say(f"resuming {self.folder.path} from step {step}")
        if self.state.is_main_process:
            self.folder.rewind(step, ended=resumed is not None and ended(resumed, self._max_steps))
        self.look_back()
        self.state.wait_for_everyone()
        return resumed
