"""Skips and counts optimizer steps whose loss or gradients are not finite; ten in a row stop the run.

A single NaN in the gradients would make every weight NaN. After the backward pass, every process checks the loss and
the gradients. If any of them is NaN or infinite, all processes drop their gradients. An optimizer leaves a parameter
without a gradient unchanged: no change of its weights or momentum, and no weight decay. The step still counts towards
`max_steps`, and the learning rate schedule advances.

With float16, the gradient scaler handles gradients that overflow: it skips the step and lowers the scale, so only the
loss is checked here. DeepSpeed takes the optimizer step inside the backward pass, before the gradients can be checked:
the loss is reported, but the step has been taken unless DeepSpeed skipped it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from rich.console import Console
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rl.errors import NotFinite
from rl.storage.checkpoints import metrics

MOST_IN_A_ROW = 10


class Skips:
    """Counts skipped optimizer steps.

    Args:
        what: the model whose steps they are; a message starts with it.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.total = 0
        self.in_a_row = 0

    def skip(self) -> None:
        """Count a skipped step.

        Raises:
            NotFinite: it is the tenth in a row.
        """
        self.total += 1
        self.in_a_row += 1
        if self.in_a_row == MOST_IN_A_ROW:
            raise NotFinite(f"{self.what} had a loss or gradients that are not finite {MOST_IN_A_ROW} steps in a row")

    def take(self) -> None:
        """Note that a step was taken."""
        self.in_a_row = 0

    def state_dict(self) -> dict[str, int]:
        """The total and the current number in a row."""
        return {"total": self.total, "in_a_row": self.in_a_row}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Restore a saved state."""
        self.total, self.in_a_row = state["total"], state["in_a_row"]


class Guard(TrainerCallback):
    """Skips a trainer's steps that are not finite, and logs their number so far as `skipped_steps`.

    The counts are one of the trainer's `stateful` parts, which checkpoints save (`rl/storage/checkpoints.py`).

    Args:
        console: where to print warnings.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.skips = Skips("the policy")
        self._loss_before = torch.zeros(())

    def watch(self, trainer: Trainer) -> None:
        """Set the trainer, which is made after its callbacks."""
        self.trainer = trainer
        parts = {**getattr(trainer, "stateful", {}), "guard": self.skips}
        trainer.stateful = parts  # pyright: ignore[reportAttributeAccessIssue]  # ours, for `Checkpoints`

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Turn off the Trainer's filter, which replaces a loss that is not finite by an average of earlier ones."""
        args.logging_nan_inf_filter = False

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the sum of losses since the last log line."""
        self._loss_before = self.trainer._tr_loss.clone()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Check the loss and the gradients, and drop the gradients of a step that is not finite.

        Raises:
            NotFinite: this is the tenth step in a row that is skipped.
        """
        trainer, model = self.trainer, kwargs["model"]
        loss = trainer._tr_loss
        gradients_are_finite = loss.new_ones((), dtype=torch.bool)
        if trainer.accelerator.scaler is None:
            gradients_are_finite = all_finite(parameter.grad for parameter in model.parameters()).to(loss.device)
        wrong = torch.stack([~torch.isfinite(loss), ~gradients_are_finite]).float()
        in_loss, in_gradients = cast(Tensor, trainer.accelerator.reduce(wrong, reduction="sum")).tolist()
        if not in_loss and not in_gradients:
            self.skips.take()
            return
        for parameter in model.parameters():
            parameter.grad = None
        loss.copy_(self._loss_before)
        what = "the loss is" if in_loss else "gradients are"
        self.console.print(
            f"warning: step {state.global_step + 1} is skipped: {what} not finite ({self.skips.total + 1} skipped "
            f"so far)",
            style="yellow",
            highlight=False,
        )
        self.skips.skip()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Log the running total, not its mean over the steps of the log line."""
        metrics(self.trainer)["skipped_steps"] = [float(self.skips.total)]


def all_finite(gradients: Iterable[Tensor | None]) -> Tensor:
    """Whether all gradients are finite, as a tensor. Of a sharded gradient, only the local shard is checked."""
    local = [g.to_local() if isinstance(g, DTensor) else g for g in gradients if g is not None]
    return torch.isfinite(torch.nn.utils.get_total_norm(local, norm_type=float("inf")))


@contextmanager
def naming_the_last_good(checkpoint: Callable[[], Path | None]) -> Iterator[None]:
    """Add the last good checkpoint to the error of a run that is stopped because its steps are not finite.

    Args:
        checkpoint: finds the newest intact checkpoint. Skipped steps change no weights, so its weights are finite.
    """
    try:
        yield
    except NotFinite as error:
        error.checkpoint = checkpoint()
        raise
