"""One run in a run folder at a time: a lock file that names the process that holds it.

The file holds the owner's host, process id and start time as JSON, so that a second run can say who is in its way, and
a lock whose process is gone (`kill -9`, a power cut) is recognised and taken over. The start time tells the owner from
a later process with the same id. Whether a process on another host still runs cannot be told from here, so its lock is
never taken over. A file lock held only while the file is read and written keeps two runs from taking over at once.
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
        host: its host's name.
        pid: its process id.
        started: when it started, in seconds since the epoch.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Owner:
        """The process that asks."""
        return cls(platform.node(), os.getpid(), psutil.Process().create_time())

    @property
    def is_gone(self) -> bool:
        """Whether it ran on this host and does not run any more."""
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
    """Take a lock for this process.

    Args:
        file: the lock file; its folder is made where it is missing.

    Returns:
        The owner that is gone and whose lock was taken over; None where the lock was free.

    Raises:
        UserError: a run that may still be alive holds it, or nothing can be written there.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a", encoding="utf-8").close()
    except OSError as error:
        raise UserError(
            str(file.parent), f"a run folder cannot be written here ({error.strerror}); give another logging.folder"
        ) from error
    with _exclusively(file) as handle:
        owner = _owner(handle)
        if owner is not None and not owner.is_gone:
            here = owner.host == platform.node()
            fix = "wait for it, or give another name=" if here else f"if it is gone, delete {file}; else another name="
            raise UserError(str(file.parent), f"another run is under way in this folder, {owner}; {fix}")
        handle.seek(0)
        handle.truncate()
        json.dump(asdict(Owner.this_process()), handle)
    return owner


def release(file: Path) -> None:
    """Give a lock back that this process holds; a folder that holds nothing else goes with it.

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
    """The lock file, open for reading and writing by no other process."""
    while True:
        with file.open("a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # whoever had it before may have deleted the file that was opened here
            if file.exists() and os.fstat(handle.fileno()).st_ino == file.stat().st_ino:
                yield handle
                return


def _owner(handle: IO[str]) -> Owner | None:
    """Who a lock file names; None for an empty one, or one that a crash cut short."""
    handle.seek(0)
    try:
        return Owner(**json.loads(handle.read()))
    except (ValueError, TypeError):
        return None
