"""Errors that the command line prints as one line: wrong input (exit 2), and a training that cannot go on (exit 1)."""

from __future__ import annotations

import errno
from pathlib import Path

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of a disk that is full or may not be written."""


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


def of_the_disk(error: BaseException) -> str | None:
    """What to say of an error that comes from a disk that is full or may not be written; None for another error.

    torch and safetensors write by ways of their own, and raise errors of their own kinds.

    Args:
        error: the error, with those that led to it.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in DISK:
            return f"{seen.filename}: {seen.strerror}" if seen.filename else str(seen.strerror)
        said = str(seen)
        if type(seen).__name__ == "SafetensorError" and any(f"(os error {number})" in said for number in DISK):
            return said
        if isinstance(seen, RuntimeError) and ("PytorchStreamWriter" in said or "inline_container.cc" in said):
            return f"a file could not be written, as on a full disk ({said.strip()})"
        seen = seen.__cause__ or seen.__context__
    return None
