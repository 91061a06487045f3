"""One W&B run for one run folder, from the evaluations before the first step to the end, also when it is resumed."""

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
    """Log to W&B inside this context, with the config as ours; a run that already exists in this process is used.

    transformers' callback finds the run and logs into it. The run's id is kept in the run folder, so that resuming
    goes on with it; `WANDB_RUN_ID`, as a sweep sets it, goes first.

    Args:
        config: of the run. With `logging.wandb: disabled` nothing happens.
        folder: the run folder, which is there.

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
