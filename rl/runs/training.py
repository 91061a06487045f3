"""Trains a policy from a config; `whetstone train` and `accelerate launch -m rl.train` come here.

    sample  →  judge  →  credit  →  update

The run folder holds everything a run leaves behind. The same command on a folder with an unfinished run resumes it.
"""

from __future__ import annotations

import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from trl.models.utils import unwrap_model_for_generation

from rewards.mixing.mix import Mix
from rl import tasks
from rl.algorithms import grpo, ppo
from rl.algorithms.guard import Guard, naming_the_last_good
from rl.config import Config, dump
from rl.config.algorithms import IN_ROUNDS
from rl.config.checks import GenerationCycle
from rl.errors import UserError
from rl.policy.load import Policy
from rl.runs import setup
from rl.runs.callbacks import Evaluations, ProgressLine, Records, StopOnSignal
from rl.runs.positions import check_positions
from rl.runs.run import Run
from rl.storage.checkpoints import Checkpoints, newest_good, step_of
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.tasks.task import Task
from verifiers.runtime.self_check import self_check


def train(config: Config, *, fresh: bool = False, command: str = "") -> dict[str, Any] | None:
    """Run a config from start to end.

    Args:
        config: a checked config.
        fresh: whether to replace a run folder that is already there.
        command: how the run was started, to say how to resume it.

    Returns:
        The summary, on the main process; None on the others.

    Raises:
        UserError: the input is wrong; nothing was trained, and nothing is lost.
        RewardBroken: a reward failed more often than its budget allows.
        NotFinite: ten steps in a row had a loss or gradients that are NaN or infinite.
        KeyboardInterrupt: the run was interrupted; up to the step it names, it is saved.
    """
    started = time.perf_counter()
    state = PartialState(cpu=not torch.accelerator.is_available())
    console = Console(quiet=not state.is_main_process, soft_wrap=True)
    setup.quiet(config)
    folder = RunFolder(config.run_folder)
    if not fresh:
        folder.check(dump(config))
    task = tasks.load(config)
    for split, rows in task.splits.items():
        if not rows and (split != "validation" or config.evaluation.every):
            raise UserError("task", f"has no rows in its {split} split, and the run needs some")
    if task.skipped:
        console.print(f"skipped {len(task.skipped)} broken rows; the first: {task.skipped[0]}", highlight=False)
    _self_check(task, console)
    loaded: list[Policy] = []  # rewards are checked before the policy is loaded, and some ask it later
    mix = setup.rewards(config, task, lambda: (loaded[0].model, loaded[0].tokenizer))
    loaded.append(policy := setup.policy(config, task, console))
    check_positions(config, task, policy, console)
    if state.is_main_process:
        if fresh:
            shutil.rmtree(folder.path, ignore_errors=True)
        folder.start(dump(config))
    state.wait_for_everyone()
    if config.algorithm.name in IN_ROUNDS:
        from rl.rounds import rounds  # brings trainers that other runs need not wait for

        return rounds.train(config, task, policy, mix, folder, state, console, started, command)

    run = OnlineRun(config, task, policy, mix, folder, state, console)
    resumed = run.resume()
    run.measure("test", 0)
    if config.evaluation.every:
        run.measure("validation", 0)
    try:
        with run.stop, naming_the_last_good(lambda: newest_good(folder.checkpoints, console.print)):
            run.trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    finally:
        run.progress.close()
    last = run.trainer.state.global_step
    if run.stop.stopped and last < run.trainer.state.max_steps:
        console.print(f"saved at step {last}. To resume: {command or 'the same command again'}", highlight=False)
        raise KeyboardInterrupt
    run.trainer.close()
    run.trainer.save_model(str(folder.model))
    if config.evaluation.every:
        run.measure("validation", last)
    return run.finish(started)


class OnlineRun(Run):
    """A run that samples as it goes: its trainer, and what happens beside the steps."""

    def __init__(
        self,
        config: Config,
        task: Task,
        policy: Policy,
        mix: Mix,
        folder: RunFolder,
        state: PartialState,
        console: Console,
    ) -> None:
        super().__init__(config, task, policy, folder, state, console)
        records = Records(folder, config.logging.completions_every)
        self.stop = StopOnSignal(GenerationCycle.of(config).optimizer_steps, console)
        evaluations = Evaluations(lambda step: self.measure("validation", step), config.evaluation.every)
        self.progress = ProgressLine(console)
        self.checkpoints = Checkpoints(folder, config.trainer.get("save_total_limit"))
        guard = Guard(console)
        callbacks = [guard, records, evaluations, self.progress, self.stop, self.checkpoints]
        algorithm = ppo if config.algorithm.name == "ppo" else grpo
        self.trainer = algorithm.build(config, policy, task, mix, folder, callbacks)
        records.trainer = self.checkpoints.trainer = self.trainer
        guard.watch(self.trainer)

    def generating(self) -> AbstractContextManager[Any]:
        """The policy as it is, ready to generate."""
        return unwrap_model_for_generation(self.trainer.model_wrapped, self.trainer.accelerator)

    def trained_tokens(self) -> float:
        """Tokens drawn to train on."""
        # a log line may stand for several draws, and a draw serves several steps: so the mean, times all that was drawn
        logged = [row.get("completions/mean_length") for row in read_jsonl(self.folder.metrics)]
        lengths = [length for length in logged if length is not None]
        cycle = GenerationCycle.of(self.config)
        drawn = -(-self.last_step // cycle.optimizer_steps) * cycle.completions
        return drawn * sum(lengths) / len(lengths) if lengths else 0

    @property
    def last_step(self) -> int:
        """Optimizer steps so far."""
        return self.trainer.state.global_step

    def resume(self) -> Path | None:
        """Find the newest checkpoint that is whole, and take the records back to it; None for a run from the start."""
        mine = newest_good(self.folder.checkpoints, self.warn) if self.state.is_main_process else None
        (resumed,) = broadcast_object_list([mine])
        self.checkpoints.resumed = resumed
        step = 0 if resumed is None else step_of(resumed)
        if resumed is not None:
            self.console.print(f"resuming {self.folder.path} from step {step}", highlight=False)
        if self.state.is_main_process:
            self.folder.rewind(step)
        self.state.wait_for_everyone()
        return resumed


def _self_check(task: Task, console: Console, rows: int = 50) -> None:
    """Warn where the verifier does not accept the data's own answers: no policy could ever be right there."""
    tried = task.splits["train"][:rows]
    if problems := self_check(task.judge(), tried):
        console.print(
            f"warning: {task.verifier} does not accept {len(problems)} of {len(tried)} gold answers; the first: "
            f"{problems[0].reason}",
            style="yellow",
            highlight=False,
        )
