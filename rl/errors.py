"""Errors that the command line prints in one line: wrong input (exit 2), and training that cannot continue (exit 1)."""

from __future__ import annotations

import difflib
import errno
from pathlib import Path

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors of a disk that is full, may not be written or is broken, and of a file beyond the limit on its size."""
SHOWN = 8
"""Most file names in a message."""


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


def beside(path: Path) -> str:
    """What a message about a missing file ends with: names of its folder that may have been meant.

    Args:
        path: the path of the missing file.
    """
    names = sorted(p.name for p in path.parent.iterdir() if p.name[0] != ".") if path.parent.is_dir() else []
    stems = {Path(name).stem: name for name in names}  # endings are alike in any case
    if close := difflib.get_close_matches(path.stem, stems, n=1, cutoff=0.5):
        return f"; did you mean {str(path.with_name(stems[close[0]]))!r}?"
    alike = [name for name in names if path.suffix and Path(name).suffix == path.suffix]
    return f"; the folder has {', '.join(alike[:SHOWN])}" if alike else ""


def one_line(error: BaseException) -> str:
    """The message of an error on one line; the name of its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def of_the_disk(error: BaseException) -> str | None:
    """What to say of an error that comes from a disk that is full or may not be written; None for another error.

    torch and safetensors write by ways of their own, and raise errors of their own kinds.

    Args:
        error: the error, with those that led to it.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in DISK:
            return f"{seen.filename or 'a file could not be written'}: {seen.strerror}"
        said = str(seen)
        if type(seen).__name__ == "SafetensorError" and any(f"(os error {number})" in said for number in DISK):
            return said
        if isinstance(seen, RuntimeError) and ("PytorchStreamWriter" in said or "inline_container.cc" in said):
            return f"a file could not be written, as on a full disk ({said.strip()})"
        seen = seen.__cause__ or seen.__context__
    return None
