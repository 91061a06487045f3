"""The context of a run: everything that is loaded before the first step."""

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
from rl.sampling.vllm import VllmEngine
from rl.storage.run_folder import RunFolder
from rl.tasks.task import Task


@dataclass(frozen=True)
class RunContext:
    """Everything that a run needs.

    Attributes:
        config: the checked config.
        task: the loaded task.
        policy: the policy as it was loaded.
        mix: the rewards.
        folder: the run folder.
        state: accelerate's state of the processes.
        console: the console for messages; quiet on all processes except the main one.
        command: the command that started the run, for the message about resuming.
        given: the given examples to fit on; None if the config names none.
        teachers: whose distributions a fit learns.
        engine: what generates instead of transformers; None for transformers.
        started: start time, by `time.perf_counter`.
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
    engine: VllmEngine | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The policy's tokenizer."""
        return self.policy.tokenizer

    @property
    def how_to_resume(self) -> str:
        """A sentence about resuming, for a run that stops early."""
        return f"To resume: {self.command or 'the same command again'}"

    def say(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, highlight=False)

    def warn(self, what: str) -> None:
        """Print a warning."""
        self.console.print(f"warning: {what}", style="yellow", highlight=False)
