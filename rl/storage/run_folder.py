"""The run folder: the one place that writes what a run leaves behind, and the one that reads it back.

config.yaml         the resolved config
metrics.jsonl       a line a logging step
evaluations.jsonl   a line an evaluation, with its completions
completions/        parquet, a file a logging step
checkpoints/        to resume from
pool/               parquet, a file a round: the judged samples of a run in rounds
model/              the trained policy with its tokenizer
summary.json        the result; its presence means the run is finished
report.html         the curves and examples
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rl.errors import UserError


class RunFolder:
    """A run folder.

    Args:
        path: where it is; made where it is missing.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.metrics = self.path / "metrics.jsonl"
        self.evaluations = self.path / "evaluations.jsonl"
        self.completions = self.path / "completions"
        self.checkpoints = self.path / "checkpoints"
        self.staging = self.checkpoints / ".staging"
        self.pool = self.path / "pool"
        self.model = self.path / "model"
        self.summary = self.path / "summary.json"
        self.report = self.path / "report.html"

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.summary.exists()

    def check(self, config: str) -> None:
        """Check that a run of this config may start here, or go on.

        Raises:
            UserError: it holds a finished run, or one of another config.
        """
        if self.finished:
            raise UserError(str(self.path), "holds a finished run; give another name=, or --fresh to replace it")
        if self.config.exists() and (difference := _difference(self.config.read_text(encoding="utf-8"), config)):
            raise UserError(
                str(self.path),
                f"holds an unfinished run of another config ({difference}); give another name=, or --fresh to "
                f"replace it",
            )

    def start(self, config: str) -> None:
        """Make the folder for a config."""
        self.completions.mkdir(parents=True, exist_ok=True)
        write_atomically(self.config, config)

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint, or None."""
        numbered = {int(p.name.rpartition("-")[2]): p for p in self.checkpoints.glob("checkpoint-*") if p.is_dir()}
        return numbered[max(numbered)] if numbered else None

    def rewind(self, step: int, *, ended: bool = False) -> None:
        """Drop the records of what came after a step, when a run resumes from there.

        An evaluation without its line in the metrics, which a crash prevented, is dropped too, so that it is made again.

        Args:
            step: the last one to keep.
            ended: whether training ended there; if not, the line that sums up the training is dropped.
        """
        before = (row for row in read_jsonl(self.metrics) if row["step"] <= step)
        metrics = [row for row in before if ended or "train_loss" not in row]
        measured = {(row["step"], name.split("/")[1]) for row in metrics for name in row if name.startswith("eval/")}
        evaluations = [row for row in read_jsonl(self.evaluations) if (row["step"], row["split"]) in measured]
        for file, kept in ((self.metrics, metrics), (self.evaluations, evaluations)):
            write_atomically(file, "".join(json.dumps(row) + "\n" for row in kept))
        for file in self.completions.glob("step_*.parquet"):
            if int(file.stem.removeprefix("step_")) > step:
                file.unlink()

    def sync_records(self) -> None:
        """See the records so far onto the disk."""
        for file in (self.metrics, self.evaluations):
            if file.exists():
                sync(file)

    def append(self, file: Path, row: Mapping[str, Any]) -> None:
        """Add a line of JSON to one of the folder's records."""
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row, allow_nan=False) + "\n")

    def evaluation(self, split: str, step: int) -> dict[str, Any] | None:
        """The record of an evaluation that was made, or None."""
        rows = [row for row in read_jsonl(self.evaluations) if row["split"] == split and row["step"] == step]
        return rows[-1] if rows else None


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The lines of a record; none where the file is missing. A last line that a crash cut short is left out."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]  # what follows the last line end is a cut line, or nothing


def write_atomically(file: Path, text: str) -> None:
    """Write a file so that after a crash it holds either the old text or the new."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _difference(old: str, new: str) -> str | None:
    """The first line in which two configs differ, as `old, now new`."""
    for before, now in zip(old.splitlines(), new.splitlines(), strict=False):
        if before != now:
            return f"{before.strip()}, now {now.strip()}"
    return None if len(old.splitlines()) == len(new.splitlines()) else "its length differs"
