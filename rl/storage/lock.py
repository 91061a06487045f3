"""One run at a time in a run folder: a lock file that names the process that holds it.

The file contains the owner's host, process id and start as JSON. A second run can thus name the run that is in its way,
and can recognise and take over the lock of a process that is gone (`kill -9`, a power cut). The start distinguishes the
owner from a later process with the same id. It is counted from the boot of the machine, because a clock that is set
while a run is going changes what the system says about the time of day at which a process started. Whether a process on
another host is still running cannot be determined here, so its lock is never taken over. While the lock file is read
and written, an exclusive file lock prevents two runs from taking it over at once.
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
        boot: the identifier of the host's boot; empty where the system has none.
        pid: its process id.
        started: its start, in seconds since the boot (`_started`).
    """

    host: str
    boot: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Owner:
        """The calling process."""
        return cls(platform.node(), _boot(), os.getpid(), _started(psutil.Process()))

    @property
    def is_gone(self) -> bool:
        """Whether the process ran on this host and is no longer running."""
        if self.host != platform.node():
            return False
        if self.boot != _boot():
            return True
        try:
            process = psutil.Process(self.pid)
            return process.status() == psutil.STATUS_ZOMBIE or abs(_started(process) - self.started) > 1.0
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


def _boot() -> str:
    """The identifier of this boot of the machine; empty where the system has none."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


def _started(process: psutil.Process) -> float:
    """When a process started, in seconds since the boot; on other systems than Linux, since the epoch.

    On Linux, psutil adds the time of the boot, which follows the system's clock, to the kernel's own count.
    """
    return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)


def _owner(handle: IO[str]) -> Owner | None:
    """The owner that a lock file names; None if it is empty or incomplete after a crash."""
    handle.seek(0)
    try:
        return Owner(**json.loads(handle.read()))
    except (ValueError, TypeError):
        return None
