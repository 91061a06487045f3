"""Steps whose loss or gradients are not finite are skipped and counted; ten in a row stop the run.

One NaN in the gradients would make every weight NaN. So between the gradients and the optimizer, the loss and the
gradients are looked at on every process, and where one of them is NaN or infinite, all drop their gradients. An
optimizer leaves a parameter without a gradient as it is: its weights, its momentum, and no weight decay. The step still
counts as one of `max_steps`, and the learning rate schedule moves on.

With float16, gradients that overflow are the business of the gradient scaler, which skips such a step itself and
scales down; then the loss alone is looked at. Under DeepSpeed the optimizer steps inside the backward pass, before the
gradients can be seen: there the loss is reported, but the step was taken, unless DeepSpeed itself skips it.
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
    """Counts steps that were not taken.

    Args:
        what: whose steps they are, as a message begins.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.total = 0
        self.in_a_row = 0

    def skip(self) -> None:
        """A step was not taken.

        Raises:
            NotFinite: it is the tenth in a row.
        """
        self.total += 1
        self.in_a_row += 1
        if self.in_a_row == MOST_IN_A_ROW:
            raise NotFinite(f"{self.what} had a loss or gradients that are not finite {MOST_IN_A_ROW} steps in a row")

    def take(self) -> None:
        """A step is taken."""
        self.in_a_row = 0

    def state_dict(self) -> dict[str, int]:
        """Both counts."""
        return {"total": self.total, "in_a_row": self.in_a_row}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from a saved state."""
        self.total, self.in_a_row = state["total"], state["in_a_row"]


class Guard(TrainerCallback):
    """Skips a trainer's steps that are not finite; logs how many there were so far as `skipped_steps`.

    Its counts are one of the trainer's `stateful` parts, which checkpoints hold (`rl/storage/checkpoints.py`).

    Args:
        console: where to say so.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.skips = Skips("the policy")
        self._loss_before = torch.zeros(())

    def watch(self, trainer: Trainer) -> None:
        """Set the trainer, once it is there."""
        self.trainer = trainer
        parts = {**getattr(trainer, "stateful", {}), "guard": self.skips}
        trainer.stateful = parts  # pyright: ignore[reportAttributeAccessIssue]  # ours, for `Checkpoints`

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The Trainer must not hide a loss that is not finite behind an average of earlier ones."""
        args.logging_nan_inf_filter = False

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the sum of losses since the last log line."""
        self._loss_before = self.trainer._tr_loss.clone()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The gradients are there.

        Raises:
            NotFinite: it is the tenth step in a row that is skipped.
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
        """A log line says how many there were so far, not their mean over its steps."""
        metrics(self.trainer)["skipped_steps"] = [float(self.skips.total)]


def all_finite(gradients: Iterable[Tensor | None]) -> Tensor:
    """Whether no gradient holds NaN or infinity, as a tensor; of a sharded one, the shard that is here."""
    local = [g.to_local() if isinstance(g, DTensor) else g for g in gradients if g is not None]
    return torch.isfinite(torch.nn.utils.get_total_norm(local, norm_type=float("inf")))


@contextmanager
def naming_the_last_good(checkpoint: Callable[[], Path | None]) -> Iterator[None]:
    """Where a run is stopped for steps that are not finite, say which checkpoint is the last good one.

    Args:
        checkpoint: finds the newest one that is whole. As skipped steps leave no trace, it is good.
    """
    try:
        yield
    except NotFinite as error:
        error.checkpoint = checkpoint()
        raise
