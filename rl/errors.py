"""Errors that the command line prints in one line: wrong input (exit 2), and training that cannot continue (exit 1)."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Wrong input, which is found before the work starts.

    Args:
        where: the file, `file:line`, key or part of the command line that is wrong; None if `what` includes it.
        what: what is wrong and how to fix it, preceded by the key if there is one.
    """

    def __init__(self, where: str | None, what: str) -> None:
        super().__init__(what if where is None else f"{where}: {what}")
        self.where, self.what = where, what


class NotFinite(Exception):
    """Training stopped because the loss or the gradients of consecutive steps were NaN or infinite.

    Attributes:
        checkpoint: the last good checkpoint, if there is one.
    """

    checkpoint: Path | None = None

    def __str__(self) -> str:
        if self.checkpoint is None:
            kept = "no checkpoint had been written"
        else:
            kept = f"the last good checkpoint is {self.checkpoint}"
        return f"{self.args[0]}; {kept}"
