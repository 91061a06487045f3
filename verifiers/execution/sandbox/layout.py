"""What a sandbox holds and how it is started: the interpreter, its libraries, and the commands that lead in.

Inside, the interpreter lies under `/python` (a system's own under `/usr`, as everywhere), so that its place, which may
be below somebody's home, is not to be seen: there is no such folder inside. Other packages lie under
`/site-packages`.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifiers.execution.sandbox.server import SCRATCH, USER

CHANNEL = "{channel}"
"""Stands in a command for the number of the channel's file descriptor."""

_SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_HIGH_ID = 0x70000000
_NOBODY = 65534
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # sets of strings in the same order in every run, so the same verdicts
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONINTMAXSTRDIGITS": "0",  # a right program may print an integer of more digits than Python allows
    "OPENBLAS_NUM_THREADS": "1",  # a preloaded numpy must not start threads in a process that forks
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}
"""What the interpreter is started with; the server clears it before the first program."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start a server.

    Attributes:
        command: what to run, with `CHANNEL` in it.
        entry: the config of `enter.main`, where the command leads there; None where it is the server at once.
        paths: what the server adds to `sys.path`.
    """

    command: list[str]
    entry: dict[str, Any] | None
    paths: list[str]


def plan(route: str, loader: str) -> Plan:
    """How to start the server by a route.

    Args:
        route: `bubblewrap`, `unshare` or `none`.
        loader: the code for the interpreter's `-c`, which takes the channel's number as its argument.

    Raises:
        OSError: bubblewrap is not installed, or the system is not Linux.
        ValueError: no such route.
    """
    if route not in ("bubblewrap", "unshare", "none"):
        raise ValueError(f"no route is named {route!r}; there are: bubblewrap, unshare")
    options = ["-s", "-S", "-P", "-c", loader, CHANNEL]
    python = _interpreter()
    command = [python, *options]
    if route == "none":
        return Plan(command, None, _site_packages())
    if sys.platform != "linux":
        raise OSError(f"there are no namespaces on {sys.platform}")
    binds, links, inside, paths = _contents(python)
    inner = [inside, *options]
    environment = dict(ENVIRONMENT)
    if inside.startswith("/python/"):
        environment["LD_LIBRARY_PATH"] = "/python/lib"
    entry: dict[str, Any] = {"command": inner, "environment": environment, "user_namespace": True, "layout": None}
    if route == "unshare":
        entry["layout"] = {"binds": binds, "links": links, "folders": [SCRATCH]}
    else:
        entry["command"] = [*_bubblewrap(binds, links), *inner]
        # Bubblewrap maps one user only. Root needs a second one, for programs to become, so there the user namespace
        # is made by `enter.py` and bubblewrap runs in it.
        entry["user_namespace"] = os.geteuid() == 0
    return Plan(command, entry, paths)


def _bubblewrap(binds: list[tuple[str, str]], links: list[tuple[str, str]]) -> list[str]:
    """Bubblewrap's command line, up to what it is to run."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise OSError("it is not installed")
    command = [bwrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--as-pid-1"]
    if os.geteuid() == 0:
        capabilities = ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SETUID", "CAP_SETGID")
    else:
        capabilities = ("CAP_SYS_ADMIN", "CAP_SETPCAP")
        command += ["--unshare-user", "--uid", str(USER), "--gid", str(USER)]
    for capability in capabilities:
        command += ["--cap-add", capability]
    for folder in _parents([target for _, target in binds] + [target for target, _ in links] + [SCRATCH]):
        command += ["--perms", "0755", "--dir", folder]  # left to itself, bubblewrap makes folders for its user alone
    for source, target in binds:
        command += ["--dev-bind" if target.startswith("/dev/") else "--ro-bind", source, target]
    for target, text in links:
        command += ["--symlink", text, target]
    return [*command, "--perms", "0755", "--dir", SCRATCH, "--remount-ro", "/", "--chdir", "/"]


def _parents(targets: list[str]) -> list[str]:
    """Every folder above these paths, each after the one that it lies in."""
    return sorted({str(folder) for target in targets for folder in Path(target).parents} - {"/"})


def map_users(process: int) -> None:
    """Write the user and group maps of a process that has just entered a user namespace.

    Root gets itself and, for programs, a user that nothing else has; anyone else is the program's user there.

    Raises:
        OSError: the kernel refuses.
    """
    for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
        if os.geteuid() == 0:
            text = f"0 0 1\n{USER} {_spare_id(kind)} 1\n"
        else:
            if kind == "gid":  # the kernel's condition for a group map without privilege
                Path(f"/proc/{process}/setgroups").write_text("deny")
            text = f"{USER} {own} 1\n"
        with open(f"/proc/{process}/{kind}_map", "wb", buffering=0) as file:
            file.write(text.encode())


def _spare_id(kind: str) -> int:
    """An id that is mapped here and that nothing uses; `nobody` where only few are mapped, as in a container."""
    ranges = []
    for line in Path(f"/proc/self/{kind}_map").read_text().splitlines():
        first, _, count = (int(word) for word in line.split())
        ranges.append(range(first, first + count))
    for candidate in (_HIGH_ID, _NOBODY):
        if any(candidate in known for known in ranges):
            return candidate
    raise OSError(f"no {kind} but root's own is mapped here, so programs cannot be given another")


def _interpreter() -> str:
    """The interpreter itself, not the link to it in a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def _site_packages() -> list[str]:
    """Where the running environment keeps its packages."""
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return [path for path in dict.fromkeys(os.path.realpath(path) for path in found) if os.path.isdir(path)]


def _contents(python: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]], str, list[str]]:
    """What to bind (pairs source, target), links (target, what they say), the interpreter and its packages inside."""
    binds, links = [], []
    for path in _SYSTEM_LIBRARIES:
        if os.path.islink(path):
            links.append((path, os.readlink(path)))
        elif os.path.isdir(path):
            binds.append((path, path))
    prefix = os.path.realpath(sys.base_prefix)
    if prefix == "/usr":
        inside = "/usr/bin/" + os.path.basename(python)
    else:
        inside = "/python/bin/" + os.path.basename(python)
        for folder in ("lib", "lib64"):
            path = f"{prefix}/{folder}"
            if os.path.islink(path):
                links.append((f"/python/{folder}", os.readlink(path)))
            elif os.path.isdir(path):
                binds.append((path, f"/python/{folder}"))
    binds.append((python, inside))
    paths = []
    for index, path in enumerate(_site_packages()):
        target = f"/site-packages{index or ''}"
        binds.append((path, target))
        paths.append(target)
    binds += [(path, path) for path in _SYSTEM_FILES if os.path.exists(path)]
    return binds, links, inside, paths
