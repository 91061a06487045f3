"""One run at a time in a run folder: a lock file that names the process that holds it.

The file contains the owner's host, process id and start time as JSON. A second run can thus name the run that is in its
way, and can recognise and take over the lock of a process that is gone (`kill -9`, a power cut). The start time
distinguishes the owner from a later process with the same id. Whether a process on another host is still running cannot
be determined here, so its lock is never taken over. While the lock file is read and written, an exclusive file lock
prevents two runs from taking it over at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from rl.errors import UserError


@dataclass(frozen=True)
class Owner:
    """A process that holds a run folder.

    Attributes:
        host: the name of its host.
        pid: its process id.
        started: its start time, in seconds since the epoch.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Owner:
        """The calling process."""
        return cls(platform.node(), os.getpid(), psutil.Process().create_time())

    @property
    def is_gone(self) -> bool:
        """Whether the process ran on this host and is no longer running."""
        if self.host != platform.node():
            return False
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - self.started) > 1.0
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def acquire(file: Path) -> Owner | None:
    """Acquire a lock for this process.

    Args:
        file: the lock file; its folder is made if it is missing.

    Returns:
        The previous owner, if it is gone and its lock was taken over; None if the lock was free.

    Raises:
        UserError: a run that may still be alive holds the lock, or the folder is not writable.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a", encoding="utf-8").close()
    except OSError as error:
        raise UserError(
            str(file.parent), f"cannot write a run folder here ({error.strerror}); give another logging.folder"
        ) from error
    with _exclusively(file) as handle:
        owner = _owner(handle)
        if owner is not None and not owner.is_gone:
            here = owner.host == platform.node()
            fix = "wait for it, or give another name=" if here else f"if it is gone, delete {file}; else another name="
            raise UserError(str(file.parent), f"another run is in progress in this folder, {owner}; {fix}")
        handle.seek(0)
        handle.truncate()
        json.dump(asdict(Owner.this_process()), handle)
    return owner


def release(file: Path) -> None:
    """Release a lock that this process holds, and remove its folder if it is empty.

    Args:
        file: the lock file.
    """
    with _exclusively(file) as handle:
        owner = _owner(handle)
        if owner is not None and (owner.host, owner.pid) == (platform.node(), os.getpid()):
            file.unlink()
    if not any(file.parent.iterdir()):
        file.parent.rmdir()


@contextmanager
def _exclusively(file: Path) -> Iterator[IO[str]]:
    """The lock file, opened for reading and writing, under an exclusive lock."""
    while True:
        with file.open("a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # the previous holder may have deleted the file that was opened here
            if file.exists() and os.fstat(handle.fileno()).st_ino == file.stat().st_ino:
                yield handle
                return


def _owner(handle: IO[str]) -> Owner | None:
    """The owner that a lock file names; None if it is empty or incomplete after a crash."""
    handle.seek(0)
    try:
        return Owner(**json.loads(handle.read()))
    except (ValueError, TypeError):
        return None
