"""Checkpoints that are whole or not there, and that hold all that a run needs to go on exactly as it would have.

transformers' Trainer writes the policy, its optimizer, the learning rate schedule and the random states. It writes
them one after the other under the final name, so a run that is killed then leaves a checkpoint that looks like one.
Here it writes into a staging folder instead, `checkpoints/.staging/checkpoint-N`, and once it is done (`on_save`) we

1. add what it leaves out: the parts of `trainer.stateful` (critic, curriculum, …) and the state of its own loop,
2. write `manifest.json` with the size and SHA-256 of every file,
3. fsync files and folders, and rename the folder to `checkpoints/checkpoint-N`.

The rename is atomic: at every moment a checkpoint is either complete or not in `checkpoints/`. What a disk spoils after
that is found by the checksums (`newest_good`). With several processes the main one renames, while the others wait; they
share the file system.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl.storage.run_folder import RunFolder, read_jsonl, sync, write_atomically

MANIFEST = "manifest.json"
TRAINER_STATE = "trainer_state.json"
KEPT = 2
"""Newest checkpoints that are kept where `trainer.save_total_limit` says nothing."""


class Part(Protocol):
    """A part of a trainer that checkpoints hold."""

    def state_dict(self) -> dict[str, Any]:
        """Its state: tensors, numbers, strings, lists and dicts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        ...


class Checkpoints(TrainerCallback):
    """Completes, seals and rotates checkpoints; on resuming gives every part its state back.

    Parts are those of `trainer.stateful`, where the trainer has it: name → part with `state_dict()` and
    `load_state_dict()`. States hold tensors, numbers, strings, lists and dicts only (they are read with
    `weights_only=True`). `state_dict()` is called on every process, so it may gather. The main process writes its
    result, unless the part has a true `per_process`: then each writes its own.

    Args:
        folder: the run folder.
        keep: how many of the newest checkpoints to keep.
        best: gives the checkpoint that is kept beside them, however old it is; None where there is none.
    """

    trainer: Trainer
    """Set once the trainer is there."""
    resumed: Path | None = None
    """The checkpoint that training starts from; set before it starts."""

    def __init__(
        self, folder: RunFolder, keep: int | None = None, best: Callable[[], Path | None] = lambda: None
    ) -> None:
        self.folder = folder
        self.keep = KEPT if keep is None else keep
        self.best = best
        self._epoch_began_with: torch.Tensor | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Policy, optimizer and schedule are loaded: load the rest."""
        if args.should_save:
            shutil.rmtree(self.folder.staging, ignore_errors=True)
        self.trainer.accelerator.wait_for_everyone()
        if self.resumed is None:
            return
        for name, part in self._parts().items():
            file = self.resumed / self._file(name, part)
            if file.exists():  # per process, and there were fewer of them: what the others know is still right
                part.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
            elif not getattr(part, "per_process", False):
                raise ValueError(f"{self.resumed} has no {file.name}: it is of another version of this run's trainer")

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A pass over the data begins: its order is drawn from this state of the sampler."""
        generator = self._sampler_generator()
        self._epoch_began_with = None if generator is None else generator.get_state()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The Trainer has written its files: add ours, seal all, and give the checkpoint its name."""
        staged = self.folder.staging / f"checkpoint-{state.global_step}"
        staged.mkdir(parents=True, exist_ok=True)
        for name, part in self._parts().items():
            values = part.state_dict()
            if args.should_save or getattr(part, "per_process", False):
                torch.save(values, staged / self._file(name, part))
        self.trainer.accelerator.wait_for_everyone()
        if args.should_save:
            seal(staged)
            self.folder.sync_records()
            publish(staged, self.folder.checkpoints / staged.name, self.folder.staging)
            rotate(self.folder.checkpoints, self.keep, self.folder.staging, self.best())
        self.trainer.accelerator.wait_for_everyone()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Nothing is staged any more."""
        if args.should_save:
            shutil.rmtree(self.folder.staging, ignore_errors=True)

    def _parts(self) -> dict[str, Part]:
        return {"loop": _Loop(self), **getattr(self.trainer, "stateful", {})}

    def _file(self, name: str, part: Part) -> str:
        process = f"_{self.trainer.accelerator.process_index}" if getattr(part, "per_process", False) else ""
        return f"{name}{process}.pt"

    def _sampler_generator(self) -> torch.Generator | None:
        """The generator of TRL's `RepeatSampler`; None for samplers that are seeded by the epoch."""
        loader = self.trainer.callback_handler.train_dataloader
        batches = getattr(loader, "batch_sampler", None)
        batches = getattr(batches, "batch_sampler", batches)  # accelerate's shard of one, with several processes
        return getattr(getattr(batches, "sampler", None), "generator", None)


class _Loop:
    """What the Trainer's loop holds between two steps and does not save.

    The order of the data: `RepeatSampler` draws each pass from where its generator stands, which a new process does not
    know. The log line under way, where `logging_steps` is above 1: sums of losses and lists of metrics.
    """

    per_process = True

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints, self.trainer = checkpoints, checkpoints.trainer

    def state_dict(self) -> dict[str, Any]:
        generator = self.checkpoints._sampler_generator()
        return {
            "epoch_began_with": self.checkpoints._epoch_began_with,
            "sampler": None if generator is None else generator.get_state(),
            "loss": self.trainer._tr_loss,
            "total_loss": self.trainer._total_loss_scalar,
            "first_step": self.trainer._initial_global_step,
            "last_logged": self.trainer._globalstep_last_logged,
            "metrics": {name: list(values) for name, values in metrics(self.trainer).items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        generator = self.checkpoints._sampler_generator()
        # a pass that was over is followed by the next; one that was not is drawn again and skipped into
        at_end = float(self.trainer.state.epoch).is_integer()
        before = state["sampler"] if at_end else state["epoch_began_with"]
        if generator is not None and before is not None:
            generator.set_state(before)
        self.trainer._tr_loss.copy_(state["loss"])
        self.trainer._total_loss_scalar = state["total_loss"]
        self.trainer._initial_global_step = state["first_step"]
        self.trainer._globalstep_last_logged = state["last_logged"]
        for name, values in state["metrics"].items():
            metrics(self.trainer)[name].extend(values)


def metrics(trainer: Trainer) -> dict[str, list[float]]:
    """The metrics of a TRL trainer that wait for the next log line: name → list of numbers."""
    for attribute in ("_metrics", "_stored_metrics"):  # GRPO, DPO and SFT; ORPO
        if hasattr(trainer, attribute):
            return getattr(trainer, attribute)["train"]
    return {}


def ended(checkpoint: Path, max_steps: int | None = None) -> bool:
    """Whether training ended with a checkpoint, so that no step is left to take.

    Args:
        checkpoint: a whole one.
        max_steps: optimizer steps of the whole training; by default as many as when the checkpoint was written.
    """
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))
    return state.global_step >= (state.max_steps if max_steps is None else max_steps)


def take_up(trainer: Trainer, checkpoint: Path) -> None:
    """Give a trainer the policy and the state of the checkpoint that its training ended with.

    `Trainer.train` would take one more step from there.

    Args:
        trainer: the trainer that goes on.
        checkpoint: a whole one.
    """
    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))


def seal(folder: Path) -> None:
    """Write the manifest of a complete checkpoint, and see all of it onto the disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    entries = {str(f.relative_to(folder)): {"bytes": f.stat().st_size, "sha256": _sha256(f)} for f in files}
    for path in files:
        sync(path)
    write_atomically(folder / MANIFEST, json.dumps(entries, indent=1) + "\n")
    for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        sync(path)


def problem(folder: Path) -> str | None:
    """What is wrong with a checkpoint; None where every file is as it was written."""
    try:
        entries = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"it has no {MANIFEST}"
    except ValueError:
        return f"its {MANIFEST} is broken"
    for name, entry in entries.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != entry["bytes"]:
            return f"{name} has {file.stat().st_size} bytes, not {entry['bytes']}"
        if _sha256(file) != entry["sha256"]:
            return f"{name} is not what was written"
    return None


def newest_good(folder: Path, tell: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that is whole, or None.

    Args:
        folder: holds `checkpoint-N` folders.
        tell: is told of each that is skipped.
    """
    newest_first = numbered(folder)[::-1]
    for checkpoint in newest_first:
        if (what := problem(checkpoint)) is None:
            return checkpoint
        tell(f"{checkpoint} is broken ({what}); trying the one before it")
    if newest_first:
        tell("no checkpoint is whole, so training starts anew")
    return None


def numbered(folder: Path) -> list[Path]:
    """The folders `checkpoint-N`, by N."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and step_of(path) >= 0]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The N of `checkpoint-N`; -1 for another name."""
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1


def publish(staged: Path, final: Path, staging: Path) -> None:
    """Give a sealed checkpoint its name. A broken one that has that name makes way.

    Args:
        staged: where it was written.
        final: its name.
        staging: the folder where what is deleted loses its name first.
    """
    if final.exists():
        _remove(final, staging)
    staged.rename(final)
    sync(final.parent)


def rotate(folder: Path, keep: int, staging: Path, best: Path | None = None) -> None:
    """Delete all checkpoints but the newest ones and the best.

    Args:
        folder: where they are.
        keep: how many of the newest stay, 1 or more.
        staging: the folder where what is deleted loses its name first.
        best: one that stays beside them.
    """
    for checkpoint in numbered(folder)[:-keep]:
        if checkpoint != best:
            _remove(checkpoint, staging)


def best_on_validation(folder: RunFolder) -> Path | None:
    """Of the checkpoints that were measured on validation, the one with the highest greedy accuracy.

    Where several have the same, sampled accuracy decides, and then the newest is taken.

    Args:
        folder: the run folder.

    Returns:
        The checkpoint; None where none was measured.
    """
    measured = {row["step"]: row for row in read_jsonl(folder.evaluations) if row["split"] == "validation"}
    there = [path for path in numbered(folder.checkpoints) if step_of(path) in measured]

    def accuracy(checkpoint: Path) -> tuple[float, float, int]:
        row = measured[step_of(checkpoint)]
        greedy, sampled = ((row.get(name) or {}).get("value", -1.0) for name in ("greedy", "mean_at_k"))
        return greedy, sampled, step_of(checkpoint)

    return max(there, key=accuracy, default=None)


def _remove(checkpoint: Path, staging: Path) -> None:
    """Delete a checkpoint that a crash must not leave in part: it loses its name first."""
    doomed = staging / f"old-{checkpoint.name}"
    shutil.rmtree(doomed, ignore_errors=True)
    checkpoint.rename(doomed)
    shutil.rmtree(doomed)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
