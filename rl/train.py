"""Trains a policy from a config: `whetstone train CONFIG key=value …` or `accelerate launch -m rl.train CONFIG …`.

    sample  →  judge  →  credit  →  update

The run folder holds everything a run leaves behind. The same command on a folder with an unfinished run resumes it.
"""

from __future__ import annotations

import json
import netrc
import os
import platform
import shutil
import sys
import time
from importlib.metadata import version
from typing import Any

import datasets
import torch
import transformers
import wandb
from accelerate import PartialState
from rich.console import Console
from trl.models import unwrap_model_for_generation

from rewards.build import build as build_rewards
from rewards.mix import Mix
from rl import config as configuration
from rl import policy as policies
from rl import show, tasks, warm_start
from rl.algorithms import grpo
from rl.callbacks import Evaluations, ProgressLine, Records, StopOnSignal
from rl.config import Config
from rl.config_checks import GenerationCycle
from rl.errors import UserError
from rl.evaluate import EvaluationSettings, evaluate
from rl.policy import Policy
from rl.run_folder import RunFolder, read_jsonl, write_atomically
from rl.tasks.task import Split, Task


def train(config: Config, *, fresh: bool = False, command: str = "") -> dict[str, Any] | None:
    """Run a config from start to end.

    Args:
        config: a checked config.
        fresh: whether to replace a run folder that is already there.
        command: how the run was started, to say how to resume it.

    Returns:
        The summary, on the main process; None on the others and where the run was interrupted.

    Raises:
        UserError: the input is wrong; nothing was trained, and nothing is lost.
        RewardBroken: a reward failed more often than its budget allows.
    """
    state = PartialState()
    console = Console(stderr=False, quiet=not state.is_main_process, soft_wrap=True)
    _quiet(config)
    started = time.perf_counter()
    task = tasks.load(config)
    for skipped in task.skipped[:5]:
        console.print(f"skipped {skipped}", highlight=False)
    mix = _rewards(config, task)
    folder = RunFolder(config.run_folder)
    if state.is_main_process:
        if fresh:
            shutil.rmtree(folder.path, ignore_errors=True)
        folder.start(configuration.dump(config))
    state.wait_for_everyone()
    policy = _load_policy(config, task, console)
    for note in policy.notes:
        console.print(f"policy: {note}", highlight=False)

    run = _Run(config, task, policy, mix, folder, state, console)
    resumed = folder.last_checkpoint()
    if resumed is not None:
        step = int(resumed.name.rpartition("-")[2])
        console.print(f"resuming {folder.path} from step {step}", highlight=False)
        if state.is_main_process:
            folder.rewind(step)
    run.measure("test", 0)
    if config.evaluation.every:
        run.measure("validation", 0)
    run.trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    if run.stop.stopped:
        console.print(f"interrupted and saved. To resume: {command or 'the same command again'}", highlight=False)
        return None
    run.trainer.save_model(str(folder.model))
    last = run.trainer.state.global_step
    if config.evaluation.every:
        run.measure("validation", last)
    run.measure("test", last)
    state.wait_for_everyone()
    if not state.is_main_process:
        return None
    summary = run.summarise(time.perf_counter() - started)
    show.finished(console, folder, summary)
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
        self.config, self.task, self.policy, self.folder, self.state = config, task, policy, folder, state
        self.console = console
        records = Records(folder, config.logging.completions_every)
        self.stop = StopOnSignal(GenerationCycle.of(config).optimizer_steps, console)
        evaluations = Evaluations(lambda step: self.measure("validation", step), config.evaluation.every)
        callbacks = [records, evaluations, ProgressLine(console), self.stop]
        self.trainer = grpo.build(config, policy, task, mix, folder, callbacks)
        records.trainer = self.trainer
        self._evaluation_tokens = 0

    def measure(self, split: Split, step: int) -> None:
        """Evaluate the policy as it is at a step and record that; an evaluation on record is not made again."""
        if self.folder.evaluation(split, step) is not None:
            return
        settings = evaluation_settings(self.config, split)
        started = time.perf_counter()
        with unwrap_model_for_generation(self.trainer.model_wrapped, self.trainer.accelerator) as model:
            evaluation = evaluate(model, self.policy.tokenizer, self.task, split, settings)  # type: ignore[arg-type]
        if not self.state.is_main_process:
            return
        row = {"step": step, "seconds": time.perf_counter() - started, "tokens": evaluation.tokens}
        self.folder.append(
            self.folder.evaluations, {**row, **evaluation.as_dict(), "examples": evaluation.examples[:200]}
        )
        numbers = {f"eval/{split}/{name}": m.value for name, m in evaluation.metrics.items() if m is not None}
        self.folder.append(self.folder.metrics, {"step": step, **numbers})
        _log_to_wandb({"train/global_step": step, **numbers})
        show.evaluated(self.console, step, evaluation)

    def summarise(self, wall_s: float) -> dict[str, Any]:
        """Write and return `summary.json`: what was run, on what, and how good the policy was before and after."""
        last = self.trainer.state.global_step
        before, after = (self.folder.evaluation("test", step) for step in (0, last))
        assert before is not None and after is not None
        metrics = read_jsonl(self.folder.metrics)
        evaluations = read_jsonl(self.folder.evaluations)
        trained_tokens = sum(
            row["completions/mean_length"] * GenerationCycle.of(self.config).completions
            for row in metrics
            if row.get("completions/mean_length") is not None
        )
        summary = {
            "name": self.config.name,
            "algorithm": self.config.algorithm.name,
            "task": self.config.task.name,
            "seed": self.config.seed,
            "steps": last,
            "wall_s": round(wall_s, 1),
            "tokens_generated": round(trained_tokens) + sum(row["tokens"] for row in evaluations),
            "device": device_name(),
            "processes": self.state.num_processes,
            "versions": {name: version(name) for name in ("whetstone-rl", "trl", "torch", "transformers", "peft")}
            | {"python": platform.python_version()},
            "before": _without_examples(before),
            "after": _without_examples(after),
        }
        write_atomically(self.folder.summary, json.dumps(summary, indent=2) + "\n")
        return summary


def evaluation_settings(config: Config, split: Split) -> EvaluationSettings:
    """How the config wants a split to be measured."""
    settings = config.evaluation
    n = settings.validation_n if split == "validation" and settings.validation_n else settings.n
    return EvaluationSettings(
        n=n,
        k=settings.k,
        max_tokens=settings.max_tokens or config.sampling.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        batch=settings.batch,
        seed=config.seed,
    )


def device_name() -> str:
    """What the run ran on, for the summary."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"CPU, {torch.get_num_threads()} threads"


def _rewards(config: Config, task: Task) -> Mix:
    """The rewards, with every column they need looked for in the data."""
    try:
        settings = {name: reward.model_dump() for name, reward in config.rewards.items()}
        mix = build_rewards(settings, task.judge(), config.mix.error_budget)
    except ValueError as error:
        raise UserError("rewards", str(error)) from error
    there = task.splits["train"][0].keys()
    for reward in mix.rewards:
        for column in reward.columns:
            if column not in there:
                raise UserError(
                    f"rewards.{reward.name}", f"needs a column {column!r}; the task has {', '.join(sorted(there))}"
                )
    return mix


def _load_policy(config: Config, task: Task, console: Console) -> Policy:
    """The policy; the embedded one is warmed up first, by one process while the others wait."""
    path = config.policy.model
    if path == "embedded":
        settings = config.policy.warm_start
        if settings.seed is None:
            settings = settings.model_copy(update={"seed": config.seed})
        with PartialState().main_process_first(), show.warm_up(console, settings.steps) as report:
            path = warm_start.warm_started(task, settings, report)
    chat = not isinstance(task.splits["train"][0]["prompt"], str)
    return policies.load(config.policy, path, chat=chat)


def _quiet(config: Config) -> None:
    """Leave the terminal to the run: no bars of other libraries, and W&B never asks."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ["WANDB_PROJECT"] = config.logging.project
    os.environ["WANDB_DIR"] = str(config.run_folder)
    if config.logging.wandb != "auto":
        os.environ["WANDB_MODE"] = config.logging.wandb
    elif "WANDB_MODE" not in os.environ:
        os.environ["WANDB_MODE"] = "online" if _wandb_key_is_there() else "offline"


def _wandb_key_is_there() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _log_to_wandb(row: dict[str, Any]) -> None:
    if wandb.run is not None:
        wandb.log(row)


def _without_examples(evaluation: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in evaluation.items() if name not in ("examples", "step", "tokens", "seconds")}


def main() -> None:
    """`accelerate launch -m rl.train CONFIG key=value …` does exactly what `whetstone train` does."""
    from rl.cli import run

    run(["train", *sys.argv[1:]])


if __name__ == "__main__":
    main()
