"""Errors that the command line prints as one line: wrong input (exit 2), and a training that cannot go on (exit 1)."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Wrong input, found before work started.

    Args:
        where: the file, `file:line`, or the part of the command line that is wrong; None where `what` says it.
        what: what is wrong with it, the key first where there is one, and the fix.
    """

    def __init__(self, where: str | None, what: str) -> None:
        super().__init__(what if where is None else f"{where}: {what}")
        self.where, self.what = where, what


class NotFinite(Exception):
    """Training was stopped, since step after step had a loss or gradients that are NaN or infinite.

    Attributes:
        checkpoint: the last good one, where there is one.
    """

    checkpoint: Path | None = None

    def __str__(self) -> str:
        if self.checkpoint is None:
            kept = "no checkpoint had been written"
        else:
            kept = f"the last good checkpoint is {self.checkpoint}"
        return f"{self.args[0]}; {kept}"
