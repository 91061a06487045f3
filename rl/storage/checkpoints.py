"""Checkpoints that are either complete or absent, and that contain everything a run needs to resume exactly.

transformers' Trainer saves the policy, its optimizer, the learning rate schedule and the random states. It writes the
files one by one under the final name, so a run that is killed meanwhile leaves an incomplete checkpoint that looks like
a complete one. Here the Trainer writes into a staging folder, `checkpoints/.staging/checkpoint-N`. Then `on_save`

1. adds what the Trainer does not save: the parts of `trainer.stateful` (critic, curriculum, …), the state of its loop,
   and a reference policy that follows the policy,
2. writes `manifest.json` with the size and SHA-256 of every file,
3. flushes files and folders to disk, and renames the folder to `checkpoints/checkpoint-N`.

The rename is atomic, so a checkpoint in `checkpoints/` is always complete. The checksums find files that the disk
damages later. What is done with whole folders is in `rl/storage/checkpoint_folders.py`. With several processes, which
share the file system, the main one renames while the others wait.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl.errors import UserError
from rl.storage.checkpoint_folders import publish, rotate, seal
from rl.storage.run_folder import RunFolder

TRAINER_STATE = "trainer_state.json"
KEPT = 2
"""Number of newest checkpoints to keep if `trainer.save_total_limit` is not set."""


class Part(Protocol):
    """A part of a trainer whose state is saved in checkpoints."""

    def state_dict(self) -> dict[str, Any]:
        """The state, made of tensors, numbers, strings, lists and dicts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        ...


class Checkpoints(TrainerCallback):
    """Completes, seals and rotates checkpoints, and restores the state of every part when a run resumes.

    The parts are those in `trainer.stateful`, if the trainer has that attribute: name → part. States contain only
    tensors, numbers, strings, lists and dicts, because they are read with `weights_only=True`. `state_dict()` is called
    on every process, so it may gather. The main process writes the result; if the part's `per_process` is true, each
    process writes its own.

    Args:
        folder: the run folder.
        keep: number of newest checkpoints to keep.
        best: returns a checkpoint to keep in addition, however old it is; None if there is none.
    """

    trainer: Trainer
    """Set after the trainer is made."""
    resumed: Path | None = None
    """The checkpoint that training resumes from; set before training starts."""

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
        """Load the other parts; the Trainer has loaded the policy, the optimizer and the schedule."""
        if args.should_save:
            shutil.rmtree(self.folder.staging, ignore_errors=True)
        self.trainer.accelerator.wait_for_everyone()
        if self.resumed is None:
            return
        for name, part in self._parts().items():
            file = self.resumed / self._file(name, part)
            if file.exists():  # missing for an additional process, which keeps its initial state
                part.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
            elif not getattr(part, "per_process", False):
                raise ValueError(
                    f"{self.resumed} has no {file.name}: it was written by another version of this run's trainer"
                )

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the sampler's state from which the order of this pass over the data is drawn."""
        generator = self._sampler_generator()
        self._epoch_began_with = None if generator is None else generator.get_state()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add our files to the Trainer's, seal them all, and give the checkpoint its final name."""
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
        """Delete the staging folder, once no process has to look into it any more."""
        self.trainer.accelerator.wait_for_everyone()  # at the end of training, the Trainer lists it on every process
        if args.should_save:
            shutil.rmtree(self.folder.staging, ignore_errors=True)

    def _parts(self) -> dict[str, Part]:
        parts = {"loop": _Loop(self), **getattr(self.trainer, "stateful", {})}
        if getattr(self.trainer.args, "sync_ref_model", False):
            parts["reference"] = _Reference(self.trainer)
        return parts

    def _file(self, name: str, part: Part) -> str:
        process = f"_{self.trainer.accelerator.process_index}" if getattr(part, "per_process", False) else ""
        return f"{name}{process}.pt"

    def _sampler_generator(self) -> torch.Generator | None:
        """The generator of TRL's `RepeatSampler`; None for samplers that are seeded by epoch."""
        loader = self.trainer.callback_handler.train_dataloader
        batches = getattr(loader, "batch_sampler", None)
        batches = getattr(batches, "batch_sampler", batches)  # with several processes, accelerate wraps it in a shard
        return getattr(getattr(batches, "sampler", None), "generator", None)


class _Loop:
    """The state of the Trainer's loop between two steps that the Trainer does not save.

    The order of the data: `RepeatSampler` draws each pass from the current state of its generator, which a new process
    does not know. The current log line, if `logging_steps` is above 1: sums of losses and lists of metrics.
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
        # after a finished pass comes a new one; an unfinished one is drawn again and partly skipped
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


class _Reference:
    """The reference policy with `trainer.sync_ref_model`: it follows the policy, and TRL does not save it."""

    def __init__(self, trainer: Any) -> None:
        self.model = trainer.accelerator.unwrap_model(trainer.ref_model)

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])


def metrics(trainer: Trainer) -> dict[str, list[float]]:
    """The metrics that a TRL trainer collects for the next log line: name → list of numbers."""
    for attribute in ("_metrics", "_stored_metrics"):  # GRPO, DPO and SFT; ORPO
        if hasattr(trainer, attribute):
            return getattr(trainer, attribute)["train"]
    return {}


def ended(checkpoint: Path, max_steps: int | None = None) -> bool:
    """Whether training ended at a checkpoint, so that no step is left.

    Args:
        checkpoint: an intact checkpoint.
        max_steps: optimizer steps of the whole training; None for the number when the checkpoint was written.
    """
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))
    return state.global_step >= (state.max_steps if max_steps is None else max_steps)


def take_up(trainer: Trainer, checkpoint: Path) -> None:
    """Load the policy and the state of a trainer from the checkpoint at which its training ended.

    `Trainer.train` would take one more step from it. The staging folder, which the trainer has made again, is deleted.

    Args:
        trainer: the trainer.
        checkpoint: an intact checkpoint.
    """
    if trainer.args.should_save:
        shutil.rmtree(str(trainer.args.output_dir), ignore_errors=True)
    trainer._load_from_checkpoint(str(checkpoint))
    trainer.is_deepspeed_enabled = trainer.is_fsdp_enabled = False  # the policy is whole, and saved so
    trainer.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))


@contextmanager
def refusing_foreign_states(checkpoint: Path | None) -> Iterator[None]:
    """Read the states of a checkpoint in this context.

    Args:
        checkpoint: the checkpoint; None if there is none to read.

    Raises:
        UserError: a state contains other objects than tensors and plain values, so reading it could run code.
    """
    try:
        yield
    except pickle.UnpicklingError as error:
        raise UserError(
            str(checkpoint),
            "one of its states contains other objects than tensors and plain values, so reading it could run code, and "
            "this run did not write it; delete the folder, and the run resumes from the checkpoint before it",
        ) from error
