"""Trains a policy from a config; `whetstone train` and `accelerate launch -m rl.train` come here.

    sample  →  judge  →  credit  →  update

The run folder holds everything a run leaves behind. The same command on a folder with an unfinished run resumes it.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console

from rl import tasks
from rl.config import Config, dump
from rl.config.generation_cycle import GenerationCycle
from rl.context import RunContext
from rl.errors import UserError
from rl.policy.load import Policy
from rl.runs import setup
from rl.runs.run import Run
from rl.storage.run_folder import RunFolder
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
    context = prepare(config, fresh=fresh, command=command)
    run = _run(context)
    run.train()
    return run.finish()


def prepare(config: Config, *, fresh: bool = False, command: str = "") -> RunContext:
    """Load everything that a run needs, and make its folder; the arguments are those of `train`.

    Raises:
        UserError: the input is wrong; nothing was changed.
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
    if not config.algorithm.in_rounds:
        GenerationCycle.of(config).check_rows(len(task.splits["train"]), config.sampling.completions)
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
    return RunContext(config, task, policy, mix, folder, state, console, command, started)


def _run(context: RunContext) -> Run:
    # each kind is imported where it is wanted: it brings trainers that the other need not wait for
    if context.config.algorithm.in_rounds:
        from rl.rounds.rounds import Rounds

        return Rounds(context)
    from rl.runs.online import OnlineRun

    return OnlineRun(context)


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
