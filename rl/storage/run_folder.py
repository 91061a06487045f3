"""The run folder: the only module that writes the files of a run and reads them back.

config.yaml         the resolved config, in its newest version
config_changes.jsonl  one line each time the run resumed with a changed config
wandb_id            the id of the W&B run that this run logs to
lock.json           the process that is running in this folder
started_with.json   fingerprints of the data, and the number of processes
metrics.jsonl       one line per logging step
evaluations.jsonl   one line per evaluation, with completions
completions/        parquet, one file per `logging.completions_every` steps
checkpoints/        checkpoints to resume from
pool/               parquet, one file per round: the judged samples of a run in rounds
rounds/             the policy after each round of a run in rounds
.for_vllm/          weights on their way to vLLM
model/              the trained policy with its tokenizer
summary.json        the result; it exists only if the run is finished
report.html         the curves and examples
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from rl.config import undump
from rl.errors import UserError, one_line
from rl.storage.checkpoint_names import numbered, step_of
from rl.storage.config_changes import Changes, changes, length_key, may_change, shown

if TYPE_CHECKING:
    import pandas as pd


class RunFolder:
    """A run folder.

    Args:
        path: its path; the folder need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.config_changes = self.path / "config_changes.jsonl"
        self.started_with = self.path / "started_with.json"
        self.wandb_id = self.path / "wandb_id"
        self.lock = self.path / "lock.json"
        self.metrics = self.path / "metrics.jsonl"
        self.evaluations = self.path / "evaluations.jsonl"
        self.completions = self.path / "completions"
        self.checkpoints = self.path / "checkpoints"
        self.staging = self.checkpoints / ".staging"
        self.pool = self.path / "pool"
        self.rounds = self.path / "rounds"
        self.weights = self.path / ".for_vllm"
        self.model = self.path / "model"
        self.summary = self.path / "summary.json"
        self.report = self.path / "report.html"

    @property
    def trained(self) -> bool:
        """Whether there is training to resume: a checkpoint, or a round's samples or policy."""
        folders = (self.checkpoints, self.pool, self.rounds)
        return any(folder.is_dir() and any(path.name[0] != "." for path in folder.iterdir()) for folder in folders)

    def clear_weights(self) -> None:
        """Delete the weights that were passed on to vLLM."""
        shutil.rmtree(self.weights, ignore_errors=True)

    @property
    def finished(self) -> bool:
        """Whether the run is finished."""
        return self.summary.exists()

    def read_summary(self) -> dict[str, Any]:
        """The summary of a finished run.

        Raises:
            UserError: it is damaged.
        """
        return read_json(self.summary, "delete it, and the same whetstone train command makes it")

    def changes_to(self, config: str) -> Changes:
        """The differences between the config in this folder and another one (resolved YAML)."""
        return changes(self._recorded(), undump(config))

    def _recorded(self) -> dict[str, Any]:
        """The config in this folder.

        Raises:
            UserError: it is damaged.
        """
        try:
            return undump(self.config.read_text(encoding="utf-8"))
        except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
            what = f"is damaged, no config: {one_line(error)}; --fresh replaces the run"
            raise UserError(str(self.config), what) from error

    def check(self, config: str) -> Changes:
        """Check that a run of this config may start or resume in this folder.

        Args:
            config: the resolved config, as YAML.

        Returns:
            The differences from the config of the run that is already in the folder.

        Raises:
            UserError: the folder holds a finished run that is not extended, or a run of another config.
        """
        if not self.config.exists():
            return {}
        before, now = self._recorded(), undump(config)
        found, length = changes(before, now), length_key(now)
        if length_key(before) == length and length in found:
            self._check_length(length, *found[length])
        elif self.finished:
            raise UserError(
                str(self.path),
                f"holds a finished run; a larger {length} extends it, another name= starts a new one, and --fresh "
                f"replaces it",
            )
        if wrong := {key: pair for key, pair in found.items() if not may_change(key, length)}:
            raise UserError(
                str(self.path),
                f"holds a{' finished' if self.finished else 'n unfinished'} run of another config ({shown(wrong)}); "
                f"give another name=, or --fresh to replace it",
            )
        return found

    def _check_length(self, key: str, before: Any, now: Any) -> None:
        """Refuse a length that is shorter than the training so far, or that does not extend a finished run."""
        unit = key.rpartition(".")[2].removeprefix("max_")
        if key == "algorithm.rounds":
            trained = len(list(self.rounds.glob("round_*")))
            least = before + 1 if self.finished else trained
        else:
            checkpoint = self.last_checkpoint()
            trained = 0 if checkpoint is None else step_of(checkpoint)
            least = trained + 1 if self.finished else trained
        if self.finished and not trained:
            raise UserError(str(self.path), "holds a finished run without a checkpoint from which it could be extended")
        if not isinstance(now, int) or now < least:
            raise UserError(
                str(self.path), f"{key}: {now} is too few: {trained} {unit} are trained, so it must be at least {least}"
            )

    def start(self, config: str, changed: Changes | None = None) -> None:
        """Prepare the folder for a new or a resumed run.

        Args:
            config: the resolved config, as YAML.
            changed: the differences from the previous config. They are recorded, and a finished run becomes unfinished.
        """
        self.completions.mkdir(parents=True, exist_ok=True)
        if changed:
            checkpoint = self.last_checkpoint()
            at = {"checkpoint": None if checkpoint is None else checkpoint.name}
            at["rounds"] = str(len(list(self.rounds.glob("round_*")))) if self.rounds.exists() else None
            self.append(self.config_changes, {**at, "changes": {key: list(pair) for key, pair in changed.items()}})
            self.summary.unlink(missing_ok=True)
        write_atomically(self.config, config)

    def clear(self) -> None:
        """Delete everything except the lock file."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self.lock:
                path.unlink()

    def last_checkpoint(self) -> Path | None:
        """The newest checkpoint, or None."""
        found = numbered(self.checkpoints)
        return found[-1] if found else None

    def rewind(self, step: int, *, ended: bool = False) -> None:
        """Delete the records after a step, from which a run resumes.

        An evaluation without a line in the metrics, because of a crash, is deleted as well, so that it is repeated.

        Args:
            step: the last step to keep.
            ended: whether training ended at that step; if not, the summary line of the training is deleted.
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
        """Flush the records to disk."""
        for file in (self.metrics, self.evaluations):
            if file.exists():
                sync(file)

    def append(self, file: Path, row: Mapping[str, Any]) -> None:
        """Add a line of JSON to one of the folder's records.

        Args:
            file: the file of the record.
            row: the contents of the line, without NaN and infinity.
        """
        with _naming(file), file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row, allow_nan=False) + "\n")

    def evaluation(self, split: str, step: int) -> dict[str, Any] | None:
        """The record of an evaluation, or None if it has not been made.

        Args:
            split: the evaluated split.
            step: the optimizer step of the evaluation.
        """
        rows = [row for row in read_jsonl(self.evaluations) if row["split"] == split and row["step"] == step]
        return rows[-1] if rows else None


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The lines of a record; none if the file is missing. A last line that a crash cut short is left out.

    Raises:
        UserError: another line is not JSON.
    """
    if not file.exists():
        return []
    rows = []
    # the text after the last line break is a line that was cut short, or empty
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise UserError(f"{file}:{number}", f"is damaged, not JSON: {error}; delete this line") from error
    return rows


def read_json(file: Path, fix: str) -> dict[str, Any]:
    """What a file of the run folder that is one JSON object says.

    Args:
        file: the file.
        fix: what to do about one that is damaged, to be read after the error.

    Raises:
        UserError: it is not a JSON object.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(str(file), f"is damaged, not JSON: {error}; {fix}") from error
    if not isinstance(found, dict):
        raise UserError(str(file), f"is damaged: expected a JSON object, got {type(found).__name__}; {fix}")
    return found


def read_parquet(file: Path, fix: str) -> pd.DataFrame:
    """The table of a parquet file of the run folder.

    Args:
        file: the file.
        fix: what to do about one that is damaged, to be read after the error.

    Raises:
        UserError: it is not a readable parquet file.
    """
    import pandas as pd  # takes half a second, and most of what uses this module needs no tables

    try:
        return pd.read_parquet(file)
    except (ValueError, OSError) as error:  # pyarrow's own errors are of these kinds
        raise UserError(str(file), f"is damaged: {one_line(error)}; {fix}") from error


def write_atomically(file: Path, text: str) -> None:
    """Write a file atomically: after a crash it holds either the old text or the new text.

    Args:
        file: its path; the folder must exist.
        text: the new text.
    """
    with draft_of(file) as out:
        out.write(bytes(text, "utf-8"))


@contextmanager
def draft_of(file: Path) -> Iterator[IO[bytes]]:
    """A new version of a file, to be written in this context: at its end, and not before, it takes the file's place.

    Args:
        file: its path; the folder must exist.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _naming(file), draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    sync(file.parent)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Within this context, an error of the disk names the file; one of writing to an open file does not by itself."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(file)) from error


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
