"""The way into the sandbox where bubblewrap is not used: namespaces, then a root that holds only what is bound into it.

Sent to a fresh interpreter that has nothing else loaded (`host.py`), and run there once. It ends in an exec, of the
sandbox's interpreter or of bubblewrap.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

from verifiers.execution.sandbox import kernel

_BASE = "/tmp"  # any directory: a root of our own covers it in this namespace alone


def main(channel: socket.socket, config: dict[str, Any]) -> None:
    """Enter new namespaces, have the host map the users, and exec `config["command"]`.

    Args:
        channel: to the host, which answers `need` with one byte once it has written the user maps.
        config: `command` (list of str), `environment` (dict), `user_namespace` (whether to make one), and `layout`, the
            new root's content. Without a layout the command is bubblewrap, which makes the other namespaces and the
            root itself.
    """
    with contextlib.suppress(OSError):  # a courtesy: out of memory, the system is to kill programs before the trainer
        Path("/proc/self/oom_score_adj").write_text("1000")
    channel.set_inheritable(True)
    layout = config["layout"]
    if config["user_namespace"]:
        kernel.unshare(kernel.NEW_USER)
        channel.sendall(b'{"need": "user maps"}\n')
        if channel.recv(1) != b"k":
            raise RuntimeError("the host did not map the users")
    if layout is not None:
        kernel.unshare(kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_NETWORK | kernel.NEW_IPC | kernel.NEW_UTS)
        _build_root(layout)
        if pid := os.fork():  # the child is the first of the new PID namespace; this process stands for it outside
            channel.close()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
        kernel.keep_over_exec(kernel.CAP_SYS_ADMIN, kernel.CAP_SETPCAP, *_user_changers())
    os.execve(config["command"][0], config["command"], config["environment"])


def _user_changers() -> tuple[int, ...]:
    """The capabilities to become another user: of use only where another user is mapped, which is when this is root."""
    return (kernel.CAP_SETUID, kernel.CAP_SETGID) if os.getuid() == 0 else ()


def _build_root(layout: dict[str, Any]) -> None:
    """Make a root of `layout["binds"]` (pairs source, target), `["links"]` (target, what it says), `["folders"]`."""
    kernel.mount("none", "/", None, kernel.PRIVATE | kernel.RECURSIVE)
    kernel.mount("tmpfs", _BASE, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES, "size=1m,mode=755")
    os.mkdir(f"{_BASE}/new", 0o755)
    os.mkdir(f"{_BASE}/old", 0o755)
    # First the old root moves to /old, so that nothing to be bound from is covered by what is being built.
    kernel.pivot_root(_BASE, f"{_BASE}/old")
    os.chdir("/")
    kernel.mount("/new", "/new", None, kernel.BIND)
    for source, target in layout["binds"]:
        _make_target("/new" + target, folder=os.path.isdir("/old" + source))
        kernel.mount("/old" + source, "/new" + target, None, kernel.BIND | kernel.RECURSIVE)
    for target, text in layout["links"]:
        os.makedirs(os.path.dirname("/new" + target), 0o755, exist_ok=True)
        os.symlink(text, "/new" + target)
    for target in layout["folders"]:
        os.makedirs("/new" + target, 0o755, exist_ok=True)
    mounts = _mounts_under("/new", "/old/proc/self/mountinfo")
    os.chdir("/new")
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")
    for target in mounts:
        _make_read_only(target)


def _make_target(path: str, folder: bool) -> None:
    """Something to mount on: a folder or an empty file."""
    if folder:
        os.makedirs(path, 0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o444))


def _mounts_under(root: str, table: str) -> list[str]:
    """The mount points at and below `root`, as they are called once it is the root.

    Each needs its own remount: a read-only bind leaves the mounts below it as they were.
    """
    found = []
    with open(table, encoding="utf-8") as lines:
        for line in lines:
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4])  # a space is \040
            if point == root or point.startswith(root + "/"):
                found.append(point[len(root) :] or "/")
    return found


def _make_read_only(target: str) -> None:
    flags = kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | kernel.NO_SUID
    if not target.startswith("/dev/"):
        flags |= kernel.NO_DEVICES
    # What the mount already forbids must be said again: a user namespace may not lift it.
    kept = kernel.NO_DEVICES | kernel.NO_EXEC | kernel.NO_ATIME | kernel.NO_DIR_ATIME
    flags |= os.statvfs(target).f_flag & kept
    try:
        kernel.mount("none", target, None, flags)
    except OSError as error:
        sys.exit(f"cannot make {target} read-only: {error}")
