"""What a run is made of: everything that was loaded before the first step, and where it says and leaves things."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from accelerate import PartialState
from rich.console import Console
from transformers import PreTrainedTokenizerBase

from rewards.mixing.mix import Mix
from rl.config import Config
from rl.examples.given import Given
from rl.policy.load import Policy
from rl.policy.teachers import Teacher
from rl.storage.run_folder import RunFolder
from rl.tasks.task import Task


@dataclass(frozen=True)
class RunContext:
    """A run, ready to start.

    Attributes:
        config: the checked config.
        task: its task, loaded.
        policy: the policy as it was loaded.
        mix: the rewards.
        folder: the run folder.
        state: of the processes.
        console: where to say what happens; quiet on all processes but the main one.
        command: how the run was started, to say how to resume it.
        given: examples to fit on that somebody has; None where the config names none.
        teachers: whose distributions a fit learns.
        started: when, by `time.perf_counter`.
    """

    config: Config
    task: Task
    policy: Policy
    mix: Mix
    folder: RunFolder
    state: PartialState
    console: Console
    command: str = ""
    given: Given | None = None
    teachers: Sequence[Teacher] = ()
    started: float = field(default_factory=time.perf_counter)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The policy's tokenizer."""
        return self.policy.tokenizer

    @property
    def how_to_resume(self) -> str:
        """A sentence for a run that stops early."""
        return f"To resume: {self.command or 'the same command again'}"

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, highlight=False)

    def warn(self, what: str) -> None:
        """Say what went wrong and was dealt with."""
        self.console.print(f"warning: {what}", style="yellow", highlight=False)
