"""Runs of the command line in processes of their own, in which something is made to break.

A process is forked from one that has imported everything, so that a run of a fault takes seconds. In it, the command is
called as `whetstone` calls it, and it ends as one beside which a reward hangs: exit handlers are run, and the
interpreter is not taken down.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import CONFIGS
from safetensors.torch import load_file

from rl import cli
from rl.interrupt import leave_at_once
from rl.storage.run_folder import RunFolder, read_jsonl
from tests.rl.conftest import SMALL, SMALL_ONLINE

LONGEST = 240.0
"""Seconds after which a command counts as hanging."""
TIMED = ("second", "time")
"""Parts of the names of metrics that the clock decides."""


class Broke(Exception):
    """What was seen is not what was expected."""


class Ran(NamedTuple):
    """A command that has ended.

    Attributes:
        code: exit status, negative for a signal; None if it had to be killed because it hung.
        out: standard output.
        err: standard error.
    """

    code: int | None
    out: str
    err: str

    @property
    def line(self) -> str:
        """The last line on standard error."""
        return (self.err.strip().splitlines() or [""])[-1]


class Process:
    """A command that is running.

    Args:
        folder: its working folder.
        arguments: those of the command.
        prepare: called first in the process; may patch anything, and returns further arguments.
        environment: variables beside the caller's.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[Any],
        prepare: Callable[[], Sequence[Any] | None] = lambda: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files = [folder / f".{name}.{time.monotonic_ns()}" for name in ("out", "err")]
        self.pid = os.fork()
        if not self.pid:
            _inside(folder, list(map(str, arguments)), prepare, environment or {}, self.files)

    def end(self, seconds: float = LONGEST) -> Ran:
        """Wait for its end, and return what it said; after the given time it is killed."""
        code, until = None, time.monotonic() + seconds
        while time.monotonic() < until:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.05)
        else:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        out, err = (file.read_text(encoding="utf-8", errors="replace") for file in self.files)
        return Ran(code, out, err)

    def reaches(self, condition: Callable[[], bool], seconds: float = LONGEST) -> None:
        """Wait until a condition holds.

        Raises:
            Broke: the process ended first, or took too long.
        """
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                raise Broke(f"ended before it got that far: {self.end(1).line}")
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)


def _inside(
    folder: Path,
    arguments: list[str],
    prepare: Callable[[], Sequence[Any] | None],
    environment: Mapping[str, str],
    files: Sequence[Path],
) -> None:
    try:
        os.setsid()
        os.chdir(folder)
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o644), number)
        os.environ.update(environment)
        more = prepare() or ()
        cli.run([*arguments, *map(str, more)])
        leave_at_once(None)
    except BaseException as error:
        leave_at_once(error)
    finally:
        os._exit(1)  # never back into the caller's frames, of which this process has a copy


def train(name: str, **overrides: Any) -> list[Any]:
    """The arguments that train a ready-made config at its smallest; `__` in a keyword stands for a dot."""
    small = SMALL_ONLINE if name == "grpo" else {**SMALL, "algorithm.rounds": 2, "algorithm.prompts": 16}
    length = {"trainer.max_steps": 6} if name == "grpo" else {"trainer.max_steps": 3, "trainer.save_steps": 1}
    own = {key.replace("__", "."): value for key, value in overrides.items()}
    given = {**small, **length, "logging.completions_every": 2, **own}
    return ["train", CONFIGS / f"{name}.yaml", *(f"{key}={_yaml(value)}" for key, value in given.items())]


def run(folder: Path, arguments: Sequence[Any], *more: Any, code: int | None = 0, says: str = "", **how: Any) -> Ran:
    """Run a command to its end.

    Args:
        folder: its working folder.
        arguments: those of the command.
        more: further arguments.
        code: the exit status that it has to end with; None for any.
        says: what the last line on standard error, or anything on standard output, has to contain.
        how: the other arguments of `Process`.

    Raises:
        Broke: it hung, or ended in another way.
    """
    done = Process(folder, [*arguments, *more], **how).end()
    if done.code is None:
        raise Broke(f"hung for {LONGEST:g} s: {done.line}")
    if code is not None and done.code != code:
        raise Broke(f"ended with {done.code} instead of {code}: {done.line[:300]}")
    if says not in done.line and says not in done.out:
        raise Broke(f"did not say {says!r} but {done.line[:300]!r}")
    if code in (1, 2) and len(done.err.strip().splitlines()) != 1:
        raise Broke(f"said {len(done.err.strip().splitlines())} lines instead of one: {done.err[-300:]}")
    return done


def same(one: Path, other: Path) -> None:
    """Hold two finished runs to the same weights, metrics and evaluations.

    Raises:
        Broke: they differ.
    """
    ours, theirs = RunFolder(one), RunFolder(other)
    first, second = (load_file(folder.model / "model.safetensors") for folder in (ours, theirs))
    if not all((first[key] == second[key]).all() for key in first):
        raise Broke("the weights differ from those of a run that nothing stopped")
    for file in ("metrics", "evaluations"):
        if _untimed(getattr(ours, file)) != _untimed(getattr(theirs, file)):
            raise Broke(f"the {file} differ from those of a run that nothing stopped")


def _untimed(file: Path) -> list[dict[str, Any]]:
    """The rows of a file without what the clock decides, and without the closing line of the metrics.

    A run that resumes after its last step does not write that line.
    """
    rows = (row for row in read_jsonl(file) if "train_loss" not in row)
    return [{name: value for name, value in row.items() if not any(part in name for part in TIMED)} for row in rows]


def checkpoints(folder: Path) -> list[str]:
    """The names of the checkpoints of a run."""
    return sorted(path.name for path in (folder / "checkpoints").glob("checkpoint-*"))


def _yaml(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
