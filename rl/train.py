"""Trains a policy from a config: `whetstone train CONFIG key=value …` or `accelerate launch -m rl.train CONFIG …`.

    sample  →  judge  →  credit  →  update

The run folder holds everything a run leaves behind. The same command on a folder with an unfinished run resumes it.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import time
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import wandb
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from trl.models.utils import unwrap_model_for_generation

from rewards.mix import Mix
from rl import setup, show, tasks
from rl.algorithms import grpo, ppo
from rl.callbacks import Evaluations, ProgressLine, Records, StopOnSignal
from rl.checkpoints import Checkpoints, newest_good, step_of
from rl.config import Config, dump
from rl.config_algorithms import IN_ROUNDS
from rl.config_checks import GenerationCycle
from rl.errors import UserError
from rl.evaluate import evaluate, settings_for
from rl.guard import Guard, naming_the_last_good
from rl.policy import Policy
from rl.report import write_report
from rl.run_folder import RunFolder, read_jsonl, write_atomically
from rl.tasks.task import Split, Task
from verifiers.self_check import self_check


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
    if state.is_main_process:
        if fresh:
            shutil.rmtree(folder.path, ignore_errors=True)
        folder.start(dump(config))
    state.wait_for_everyone()
    if config.algorithm.name in IN_ROUNDS:
        from rl import rounds  # it builds on this module

        return rounds.train(config, task, policy, mix, folder, state, console, started, command)

    run = _Run(config, task, policy, mix, folder, state, console)
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
    run.measure("test", last)
    if not state.is_main_process:
        return None
    summary = run.summarise(time.perf_counter() - started)
    write_report(folder.path)
    show.finished(console, folder, summary)
    if wandb.run is not None:
        wandb.finish()
    return summary


class _Run:
    """The parts of a run that know each other: the trainer, and evaluations of the policy it trains."""

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
        self.config, self.task, self.policy = config, task, policy
        self.folder, self.state, self.console = folder, state, console
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

        def tell(what: str) -> None:
            self.console.print(f"warning: {what}", style="yellow", highlight=False)

        mine = newest_good(self.folder.checkpoints, tell) if self.state.is_main_process else None
        (resumed,) = broadcast_object_list([mine])
        self.checkpoints.resumed = resumed
        step = 0 if resumed is None else step_of(resumed)
        if resumed is not None:
            self.console.print(f"resuming {self.folder.path} from step {step}", highlight=False)
        if self.state.is_main_process:
            self.folder.rewind(step)
        self.state.wait_for_everyone()
        return resumed

    def measure(self, split: Split, step: int) -> None:
        """Evaluate the policy as it is at a step and record that; an evaluation on record is not made again."""
        (on_record,) = broadcast_object_list([self.folder.evaluation(split, step) is not None])
        if on_record:
            return
        started = time.perf_counter()
        settings = settings_for(self.config, split)
        share = min(settings.n, len(self.task.splits[split])) // self.state.num_processes
        with (
            self.generating() as model,
            show.evaluating(self.console, f"step {step} on {split}", share * (1 + settings.k)) as progress,
        ):
            evaluation = evaluate(
                model,  # type: ignore[arg-type]
                self.policy.tokenizer,
                self.task,
                split,
                settings,
                progress,
            )
        if not self.state.is_main_process:
            return
        row = {"step": step, "seconds": round(time.perf_counter() - started, 3), "tokens": evaluation.tokens}
        examples = evaluation.examples[:200]
        self.folder.append(self.folder.evaluations, {**row, **evaluation.as_dict(), "examples": examples})
        numbers = {f"eval/{split}/{name}": m.value for name, m in evaluation.metrics.items() if m is not None}
        self.folder.append(self.folder.metrics, {"step": step, **numbers})
        if wandb.run is not None:
            wandb.log({"train/global_step": step, **numbers})
        show.evaluated(self.console, step, evaluation)

    def summarise(self, wall_s: float) -> dict[str, Any]:
        """Write and return `summary.json`: what was run, on what, and how good the policy was before and after."""
        last = self.last_step
        before, after = (self.folder.evaluation("test", step) for step in (0, last))
        assert before is not None and after is not None
        evaluated_tokens = sum(row["tokens"] for row in read_jsonl(self.folder.evaluations))
        packages = ("whetstone-rl", "trl", "torch", "transformers", "peft", "accelerate")
        summary = {
            "name": self.config.name,
            "algorithm": self.config.algorithm.name,
            "task": self.config.task.name,
            "seed": self.config.seed,
            "steps": last,
            "wall_s": round(wall_s, 1),
            "tokens_generated": round(self.trained_tokens() + evaluated_tokens),
            "rows_skipped": len(self.task.skipped),
            "device": setup.device_name(),
            "processes": self.state.num_processes,
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
            "before": _figures(before),
            "after": _figures(after),
        }
        write_atomically(self.folder.summary, json.dumps(summary, indent=2) + "\n")
        return summary


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


def _figures(evaluation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in evaluation.items() if name not in ("examples", "step", "tokens", "seconds")}


def main() -> None:
    """`accelerate launch -m rl.train CONFIG key=value …` does exactly what `whetstone train` does."""
    from rl.cli import run

    run(["train", *sys.argv[1:]])


if __name__ == "__main__":
    main()
