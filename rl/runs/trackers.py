"""Trackers that a run reports to besides its folder: W&B, TensorBoard, trackio. None of them can stop a run.

They get what `metrics.jsonl` gets, under names that are grouped by what a person asks: `eval/` (is it learning),
`rewards/` (what does it earn, and is a reward gamed), `policy/` and `critic/` (is it stable), `groups/` (where is the
signal lost), `rounds/`, and `time/` (what does it cost). They also get the sampled completions, as a separate table for
each step that has one. transformers' own callbacks are not used: they put every name under `train/`, ignore evaluations
before the first step, and raise an error if the disk is full.

A tracker that does not start or that breaks later is dropped, with a warning that says what is lost.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pandas as pd
import wandb

from rewards.prototyping.marked import marked_text
from rl.config import Config, dump
from rl.errors import one_line
from rl.progress import Rate
from rl.storage.completions import steps_of
from rl.storage.run_folder import RunFolder, write_atomically

GROUPS = {
    "eval": ("eval/",),
    "rewards": ("rewards/", "reward"),
    "critic": ("critic/",),
    "groups": ("groups/", "completions/", "dynamic_sampling/", "curriculum/", "frac_reward_zero_std"),
    "rounds": ("rounds/", "round"),
    "time": ("time/", "step_time", "num_tokens", "epoch", "total_flos"),
}
"""Group → how the names of its metrics begin; all other metrics belong to the policy."""
OWN_GROUP = ("eval", "rewards", "critic", "rounds", "time")
"""Groups whose metrics already begin with the name of the group."""
START_S, FINISH_S = 30, 300
"""Longest wait for W&B at the start and at the end of a run, in seconds."""
ROWS = 64
"""Largest number of completions in a table."""
FIRST = ("step", "prompt", "completion", "gold", "right", "reward", "advantage", "finish_reason", "reason")
"""The first columns of a table, in order, before those of the individual rewards."""


def grouped(name: str) -> str:
    """A metric's name in a tracker: its name in `metrics.jsonl` under the group that it belongs to."""
    group = next((group for group, starts in GROUPS.items() if name.startswith(starts)), "policy")
    inside = name.removeprefix(f"{group}/")
    return f"{group}/{inside if group in OWN_GROUP else name}"


def readable(rows: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The first completions for people: steps are marked in the text, and the most important columns come first.

    Args:
        rows: column → a value for each completion, with the columns of `rl.storage.completions`.
    """
    shown = {name: values[:ROWS] for name, values in rows.items()}
    if "judged_steps" in shown:
        pairs = zip(shown["completion"], shown.pop("judged_steps"), strict=True)
        shown["completion"] = [marked_text(text, steps_of(steps)) for text, steps in pairs]
    return {name: shown[name] for name in dict.fromkeys((*FIRST, *shown)) if name in shown}


class Tracker(ABC):
    """A tracker that a run reports to."""

    name: str

    @abstractmethod
    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record the numbers of a step."""

    @abstractmethod
    def table(self, step: int, rows: Mapping[str, Sequence[Any]]) -> None:
        """Record the completions of a step."""

    @abstractmethod
    def close(self, failed: bool) -> None:
        """Close the tracker at the end of the run, or after a failure."""


class Trackers:
    """All trackers that a run reports to.

    Args:
        trackers: the trackers that started.
        warn: is called with a message, once for each tracker that breaks.

    Attributes:
        rate: tokens a second of training, from the tokens of one log line to those of the next.
    """

    def __init__(self, trackers: Sequence[Tracker] = (), warn: Callable[[str], None] = print) -> None:
        self.trackers = list(trackers)
        self.warn = warn
        self.rate = Rate()

    def log(self, step: int, numbers: Mapping[str, Any]) -> None:
        """Send the numbers of a step; those that are None are left out.

        Args:
            step: optimizer steps so far.
            numbers: metric → value, by the names of `metrics.jsonl`.
        """
        if not self.trackers:
            return
        values = {grouped(name): value for name, value in numbers.items() if value is not None}
        if (rate := self.rate(numbers.get("num_tokens"))) is not None:
            values["time/tokens_per_second"] = rate
        self._each(lambda tracker: tracker.log(step, values))

    def table(self, step: int, rows: Mapping[str, Sequence[Any]]) -> None:
        """Send the completions of a step.

        Args:
            step: optimizer steps so far.
            rows: column → a value for each completion (`rl.storage.completions`).
        """
        if self.trackers:
            shown = readable(rows)
            self._each(lambda tracker: tracker.table(step, shown))

    def close(self, failed: bool = False) -> None:
        """Close all trackers.

        Args:
            failed: whether the run ended with an error.
        """
        self._each(lambda tracker: tracker.close(failed))

    def _each(self, do: Callable[[Tracker], None]) -> None:
        for tracker in list(self.trackers):
            try:
                do(tracker)
            except Exception as error:  # no error of a tracker may stop the run
                self.trackers.remove(tracker)
                what = f"{tracker.name} broke ({one_line(error)})"
                self.warn(f"{what}; the run goes on without it, and its folder has everything")


@contextmanager
def trackers(config: Config, folder: RunFolder, warn: Callable[[str], None]) -> Iterator[Trackers]:
    """The trackers that a config asks for, open within this context.

    Args:
        config: the run's config.
        folder: the run folder, which exists.
        warn: is called with a message if a tracker does not start, or breaks.
    """
    kinds: dict[str, Callable[[Config, RunFolder, Callable[[str], None]], Tracker]] = {
        "tensorboard": TensorBoard,
        "trackio": Trackio,
    }
    if config.logging.wandb != "disabled":
        kinds = {"wandb": Wandb, **kinds}
    started = []
    for name in ("wandb", *config.logging.report_to):
        if name not in kinds:
            continue
        try:
            started.append(kinds[name](config, folder, warn))
        except Exception as error:
            warn(f"{kinds[name].__name__} did not start ({one_line(error)}); the run goes on without it")
    together = Trackers(started, warn)
    try:
        yield together
    except BaseException:
        together.close(failed=True)
        raise
    together.close()


class Wandb(Tracker):
    """One W&B run for one run folder, from the evaluations before the first step to the end, also when it is resumed.

    A run that already exists in this process is used and left open. The run's id is kept in the run folder, so that a
    resumed run continues it; `WANDB_RUN_ID`, which a sweep sets, takes precedence. If W&B cannot be reached, or nobody
    is logged in, the records are kept in the run folder, and `wandb sync` sends them later. The same holds for what W&B
    has not taken within `FINISH_S` seconds after the end of the run, for which its client would wait for ever.

    Args:
        config: the run's config; all of it is recorded.
        folder: the run folder.
        warn: is called with a message if the records are kept in the run folder instead of being sent.
    """

    name = "W&B"

    def __init__(self, config: Config, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self.ours = wandb.run is None
        if self.ours:
            self._start(config, folder, warn)
        assert wandb.run is not None
        self.run = wandb.run
        self.run.config.update(config.model_dump(mode="json", by_alias=True), allow_val_change=True)
        self.run.define_metric("step")
        self.run.define_metric("*", step_metric="step", step_sync=True)

    def _start(self, config: Config, folder: RunFolder, warn: Callable[[str], None]) -> None:
        if (given := os.environ.get("WANDB_RUN_ID")) is not None:
            write_atomically(folder.wandb_id, given + "\n")
        elif not folder.wandb_id.exists():
            write_atomically(folder.wandb_id, secrets.token_hex(4) + "\n")
        settings: dict[str, Any] = {
            "project": config.logging.project,
            "name": config.name,
            "dir": str(folder.path),
            "id": folder.wandb_id.read_text(encoding="utf-8").strip(),
            "resume": "allow",
        }
        try:
            wandb.init(**settings, settings=wandb.Settings(init_timeout=START_S, finish_timeout=FINISH_S))
        except wandb.Error as error:
            what = one_line(error).rstrip(".")
            later = f"`wandb sync {folder.path / 'wandb'}/offline-run-*` sends them later"
            warn(f"W&B did not start ({what}); its records are kept on this machine, and {later}")
            wandb.init(**settings, mode="offline")

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a line to the run's history."""
        self.run.log({"step": step, **numbers})

    def table(self, step: int, rows: Mapping[str, Sequence[Any]]) -> None:
        """Add a separate table for each step; earlier tables are kept."""
        kinds = [type(next((value for value in values if value is not None), "")) for values in rows.values()]
        shown = wandb.Table(columns=list(rows), dtype=kinds)
        # given as data, W&B infers the type of every cell, for 40 ms a table
        shown.data = [list(row) for row in zip(*rows.values(), strict=True)]
        self.run.log({"step": step, "completions": shown})

    def close(self, failed: bool) -> None:
        """End the run if this tracker started it."""
        if self.ours:
            self.run.finish(exit_code=int(failed))


class TensorBoard(Tracker):
    """Event files in the folder `tensorboard` of the run folder.

    Args:
        config: the run's config; its YAML is the first text.
        folder: the run folder.
    """

    name = "TensorBoard"

    def __init__(self, config: Config, folder: RunFolder, *_: Any) -> None:
        writer = import_module("torch.utils.tensorboard").SummaryWriter
        self.writer = writer(log_dir=str(folder.path / "tensorboard"))
        self.summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
        self.writer.add_text("config", f"```yaml\n{dump(config)}\n```", 0)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a scalar for each number, all in one event: an event for each takes ten times as long."""
        scalars = [self.summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self.writer.file_writer.add_summary(self.summary(value=scalars), step)

    def table(self, step: int, rows: Mapping[str, Sequence[Any]]) -> None:
        """Add the first completions, as text in which nothing is read as markup."""
        first = ({name: values[place] for name, values in rows.items()} for place in range(min(8, len(rows["prompt"]))))
        shown = [
            f"{_verbatim(row.pop('prompt'))}\n\n{_verbatim(row.pop('completion'))}\n\n"
            + _verbatim(" · ".join(f"{name} {value}" for name, value in row.items()))
            for row in first
        ]
        self.writer.add_text("completions", "\n\n---\n\n".join(shown), step)

    def close(self, failed: bool) -> None:
        """Write everything to disk."""
        self.writer.close()


class Trackio(Tracker):
    """A run of trackio, which keeps its records on this machine.

    Args:
        config: the run's config; all of it is recorded.
        folder: not used; trackio has its own folder (`TRACKIO_DIR`).
    """

    name = "trackio"

    def __init__(self, config: Config, folder: RunFolder, *_: Any) -> None:
        self.trackio = import_module("trackio")
        given = config.model_dump(mode="json", by_alias=True)
        self.trackio.init(project=config.logging.project, name=config.name, config=given, resume="allow")

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a line to the run."""
        self.trackio.log(dict(numbers), step=step)

    def table(self, step: int, rows: Mapping[str, Sequence[Any]]) -> None:
        """Add the table of the step."""
        self.trackio.log({"completions": self.trackio.Table(dataframe=pd.DataFrame(rows).astype(str))}, step=step)

    def close(self, failed: bool) -> None:
        """End the run."""
        self.trackio.finish()


def _verbatim(text: Any) -> str:
    """Text as an indented code block in Markdown, which no text can end."""
    return "\n".join(f"    {line}" for line in str(text).splitlines() or [""])
