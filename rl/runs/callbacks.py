"""Callbacks of a run: records, evaluations, a progress line, and a clean stop on Ctrl-C or another signal."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import FrameType
from typing import Any

from accelerate.utils import gather_object
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.grpo_trainer import GRPOTrainer

from rewards.reward import question_of, text_of
from rl.analysis.first_look import odd_rewards
from rl.interrupt import hearing
from rl.progress import Rate
from rl.storage import completions
from rl.storage.run_folder import RunFolder

REFRESHES = 0.5
"""How often the live line is drawn in a second; each time takes two or three milliseconds from the training."""


class Records(TrainerCallback):
    """Writes `metrics.jsonl` and files of completions, and warns of suspicious rewards at the start.

    Args:
        folder: the run folder.
        completions_every: steps between two files of completions; 0 for none.
        rewards: names of the rewards.
        warn: is called with a message about each reward that looks suspicious in the first log line.
        log: takes the step and the numbers of a log line; by default they go to `metrics.jsonl` alone.
        show: takes the step and the table of completions, which are also written to a file.
    """

    trainer: GRPOTrainer
    """Set after the trainer is made; its table of completions is read."""

    def __init__(
        self,
        folder: RunFolder,
        completions_every: int,
        rewards: Sequence[str],
        warn: Callable[[str], None],
        log: Callable[[int, Mapping[str, Any]], None] | None = None,
        show: Callable[[int, Mapping[str, Sequence[Any]]], None] = lambda step, table: None,
    ) -> None:
        self.folder = folder
        self.log = log or (lambda step, numbers: folder.append(folder.metrics, {"step": step, **numbers}))
        self.show = show
        self.completions_every = completions_every
        self.rewards, self.warn = rewards, warn
        self._is_first = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note whether the run starts from the beginning, so that it has a first log line."""
        self._is_first = state.global_step == 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the most recently sampled completions, whether or not this step is logged."""
        if state.is_world_process_zero and self.completions_every and state.global_step % self.completions_every == 0:
            self._write_completions(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Record a log line."""
        if not state.is_world_process_zero or not logs:
            return
        if "train_loss" in logs:  # the last line; its speeds cover only the time since the run was resumed
            logs = {name: value for name, value in logs.items() if name in ("train_loss", "total_flos", "epoch")}
        self.log(state.global_step, numbers_of(logs))
        if self._is_first and "reward" in logs:
            self._is_first = False
            for warning in odd_rewards(logs, self.rewards):
                self.warn(warning)

    def _write_completions(self, step: int) -> None:
        logged = self.trainer._logs
        table = {
            "prompt": [question_of(prompt) for prompt in logged["prompt"]],
            "completion": [text_of(completion) for completion in logged["completion"]],
            **{name: list(values) for name, values in logged["extra"].items()},
            "reward": list(logged["rewards"]["mix"]),
            "advantage": list(logged["advantages"]),
        }
        self.show(step, completions.write(self.folder, step, table))


class Evaluations(TrainerCallback):
    """Evaluates on the validation split at regular steps.

    Args:
        evaluate: makes and records the evaluation at a step.
        every: optimizer steps between two evaluations; 0 for none.
    """

    def __init__(self, evaluate: Callable[[int], None], every: int) -> None:
        self.evaluate = evaluate
        self.every = every

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Evaluate if it is time; the evaluation after the last step is made at the end of training."""
        if self.every and state.global_step % self.every == 0 and state.global_step < state.max_steps:
            self.evaluate(state.global_step)


class ProgressLine(TrainerCallback):
    """A live progress line on a terminal; otherwise a line after the first step and after each tenth of the steps.

    Args:
        console: the console to print to.
        accuracy: the share of right answers in the last evaluation on validation; None if there has not been one.
        clock: returns the seconds of training so far, for the tokens a second.
    """

    def __init__(
        self,
        console: Console,
        accuracy: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.console, self.accuracy, self._clock = console, accuracy, clock
        self._progress: Progress | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Show the progress line."""
        self._begun, self._rate = (state.global_step, time.perf_counter()), Rate(self._clock)
        if state.is_world_process_zero and self.console.is_terminal:
            self._progress = Progress(
                TextColumn("step"),
                MofNCompleteColumn(),
                BarColumn(bar_width=12),
                TextColumn("{task.description}"),
                TimeRemainingColumn(compact=True),
                TextColumn("left"),
                console=self.console,
                refresh_per_second=REFRESHES,
            )
            self._bar = self._progress.add_task("", total=state.max_steps, completed=state.global_step)
            self._progress.start()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Update the progress line."""
        if not state.is_world_process_zero or not logs or not {"reward", "loss"} & logs.keys():
            return
        line = self._line(logs)
        if self._progress:
            self._progress.update(self._bar, completed=state.global_step, description=line)
        elif state.global_step % max(1, state.max_steps // 10) == 0 or state.global_step == 1:
            left = self._minutes_left(state)
            self.console.print(f"step {state.global_step}/{state.max_steps} · {line}{left}", highlight=False)

    def _line(self, logs: Mapping[str, Any]) -> str:
        """A summary of a step in at most 45 characters, so that the line fits a terminal of 80."""
        # a round's fit has no reward; its loss shows whether it learns
        parts = [f"reward {_shown(logs['reward'])}" if "reward" in logs else f"loss {_shown(logs['loss'])}"]
        if (right := self.accuracy()) is not None:
            parts.append(f"right {right:.0%}")
        if (rate := self._rate(logs.get("num_tokens"))) is not None:
            parts.append(f"{rate:,.0f} tokens/s")
        return " · ".join(parts)

    def _minutes_left(self, state: TrainerState) -> str:
        first, started = self._begun
        done = state.global_step - first
        minutes = (state.max_steps - state.global_step) * (time.perf_counter() - started) / done / 60
        return f" · about {math.ceil(minutes)} min left" if minutes else ""

    def close(self) -> None:
        """Remove the progress line, also after an error."""
        if self._progress:
            self._progress.stop()
            self._progress = None


class StopOnSignal(TrainerCallback):
    """On Ctrl-C, a termination signal or a closed terminal, stops at the end of the generation cycle, and saves.

    Resuming is exact only from the end of a cycle, because TRL does not save the completions it has drawn. A second
    Ctrl-C stops at once and saves nothing; other signals may come twice, as that of a closed terminal does. Of several
    processes, a signal may reach some later than others, or not at all; they agree at the end of each cycle, so that
    all of them stop at the same step.

    Signals are handled while the object is entered as a context, in the main thread; Python delivers them there only.

    Args:
        cycle: optimizer steps per generation cycle.
        console: the console for messages.

    Attributes:
        stopped: whether the processes have agreed to stop.
    """

    def __init__(self, cycle: int, console: Console) -> None:
        self.cycle = cycle
        self.console = console
        self.stopped = False
        self._signalled = False
        self._hearing = ExitStack()

    def __enter__(self) -> StopOnSignal:
        self._hearing.enter_context(hearing(self._heard, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        return self

    def __exit__(self, *_: object) -> None:
        self._hearing.close()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save and stop if a signal has arrived."""
        if state.global_step % self.cycle == 0 and self.agree() and state.global_step < state.max_steps:
            control.should_save = True
            control.should_training_stop = True

    def agree(self) -> bool:
        """Whether a signal has reached any process; every process calls this at the same point."""
        self.stopped = any(gather_object([self._signalled]))
        return self.stopped

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self._signalled:
            self._signalled = True
            with suppress(RuntimeError):  # the signal came in the middle of a write, beside which no other can begin
                self.console.print("\nstopping and saving at the end of this step; Ctrl-C again to stop at once")


def numbers_of(logs: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of a log line; values that are not finite become None, since JSON has no notation for them."""
    numbers = {name: value for name, value in logs.items() if isinstance(value, int | float) or value is None}
    return {name: value if value is None or math.isfinite(value) else None for name, value in numbers.items()}


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
