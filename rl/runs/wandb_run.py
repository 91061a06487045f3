"""One W&B run per run folder, from the first evaluation to the end, also when the run resumes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import wandb

from rl.config import Config
from rl.errors import UserError
from rl.storage.run_folder import RunFolder, write_atomically


@contextmanager
def wandb_run(config: Config, folder: RunFolder) -> Iterator[None]:
    """Log to W&B within this context, with our config; if this process already has a W&B run, that run is used.

    transformers' callback finds the run and logs to it. The run's id is kept in the run folder, so that a resumed run
    continues the same W&B run. `WANDB_RUN_ID`, which a sweep sets, takes precedence.

    Args:
        config: the config of the run. With `logging.wandb: disabled` nothing happens.
        folder: the run folder, which must exist.

    Raises:
        UserError: W&B does not start.
    """
    if config.logging.wandb == "disabled":
        yield
        return
    ours = wandb.run is None
    if ours:
        _start(config, folder)
    assert wandb.run is not None
    wandb.run.config.update(config.model_dump(mode="json", by_alias=True), allow_val_change=True)
    wandb.run.define_metric("train/global_step")
    wandb.run.define_metric("*", step_metric="train/global_step", step_sync=True)
    try:
        yield
    except BaseException:
        if ours:
            wandb.finish(exit_code=1)
        raise
    if ours:
        wandb.finish()


def _start(config: Config, folder: RunFolder) -> None:
    if (given := os.environ.get("WANDB_RUN_ID")) is not None:
        write_atomically(folder.wandb_id, given + "\n")
    elif not folder.wandb_id.exists():
        write_atomically(folder.wandb_id, secrets.token_hex(4) + "\n")
    try:
        wandb.init(
            project=config.logging.project,
            name=config.name,
            dir=str(folder.path),
            id=folder.wandb_id.read_text(encoding="utf-8").strip(),
            resume="allow",
        )
    except wandb.Error as error:
        raise UserError(
            "logging.wandb", f"W&B did not start ({error}); logging.wandb=offline keeps the records here"
        ) from error
