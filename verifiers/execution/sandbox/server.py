"""The fork server: stays in the sandbox with the interpreter loaded, and forks a process for each program.

Three processes have a part in a program:

- the *server*, which lives on, never reads the program or its output, and only forks;
- the *keeper*, forked for this program: makes its PID, mount and IPC namespaces and its scratch, watches its time, and
  kills what is left;
- the *program*, the first process of its PID namespace, so that everything it started ends with it. It gives up every
  privilege, reads the job, and runs it (`program.py`).

The keeper and the server are outside of the program's PID namespace: it cannot name them, let alone signal them. A
program that could become another user is one; else it has the server's user, without its capabilities.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from typing import Any, NoReturn

from verifiers.execution.sandbox import kernel, program
from verifiers.execution.sandbox.channel import CHANNEL

USER = 1000
"""The program's user and group, as called inside."""
SCRATCH = "/scratch"

IDLE = 0.03
"""A program that used less of a window than this share was not kept from the processor: it waited."""
PATIENT = b"wait"
"""Begins a request whose program waits for another one, so that the clock alone limits it."""

_STATUS = 200  # above every descriptor that the program will get to open
_MEGABYTE = 1024 * 1024
# Imported once, before the first program: what short programs import, and what they would import on their own.
# fmt: off
_COMMON = (
    "math", "cmath", "re", "json", "itertools", "functools", "collections", "collections.abc",
    "datetime", "calendar", "decimal", "fractions", "random", "statistics", "string", "typing",
    "heapq", "bisect", "operator", "dataclasses", "enum", "copy", "time", "abc", "contextlib",
    "textwrap", "numbers", "threading", "traceback", "encodings.ascii", "encodings.latin_1",
)
# fmt: on


def main(channel: socket.socket, config: dict[str, Any]) -> NoReturn:
    """Serve programs until the host closes the channel.

    Args:
        channel: to the host. A request is one line with three or four descriptors: the job to read, standard output,
            results, and standard input or the channel between a program and its tests. The answer is one line of JSON.
        config: `isolated` (bool), `limits` (dict of `outcome.Limits`), `preload` and `paths` (lists of str),
            `temporary` (str), where a scratch is made if nothing is isolated.
    """
    sys.path[:] = [path for path in sys.path if path] + config["paths"]
    for name in _COMMON:
        importlib.import_module(name)
    for name in config["preload"]:
        try:
            importlib.import_module(name)
        except Exception as error:
            _say(channel, missing=f"{name}: {type(error).__name__}: {error}")
            os._exit(1)
    os.environ.clear()
    if config["isolated"]:
        kernel.die_with_parent(signal.SIGKILL)
        kernel.bound_capabilities()
    calls = kernel.compile_filter() if sys.platform == "linux" else None
    gc.collect()
    gc.freeze()  # a collection in a program would otherwise write to, and so copy, every page of ours
    _say(channel, ready=True)
    while True:
        line, descriptors, _, _ = socket.recv_fds(channel, 4096, 4)
        if not line:
            os._exit(0)
        keeper = os.fork()
        if keeper == 0:
            _keep(channel, descriptors, config, calls, patient=line.startswith(PATIENT))
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(keeper, 0)
        if status:
            _say(channel, broken=f"the program's keeper ended with {os.waitstatus_to_exitcode(status)}")


def _say(channel: socket.socket, **answer: Any) -> None:
    channel.sendall(json.dumps(answer).encode() + b"\n")


def _keep(
    channel: socket.socket, descriptors: list[int], config: dict[str, Any], calls: bytes | None, patient: bool
) -> NoReturn:
    """The keeper: run one program within its time, and say how it ended."""
    limits = config["limits"]
    window = limits["clock"] if patient else limits["wall"]
    try:
        if config["isolated"]:
            _isolate(limits)
            scratch = SCRATCH
        else:
            scratch = tempfile.mkdtemp(prefix="scratch-", dir=config["temporary"])
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _become(write, descriptors, scratch, config, calls)
        os.close(write)
        # The program's time begins when it is confined, however long a busy machine takes for that.
        select.select([read], [], [], limits["clock"])
        late = not _ends_in_time(child, window, limits["clock"])
        if late:
            os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        if not config["isolated"]:
            _kill_group(child)
            shutil.rmtree(scratch, ignore_errors=True)  # a program can make folders that only it could empty
        word = os.read(read, 1000).decode()
        if word == "confined":
            spent = usage.ru_utime + usage.ru_stime
            _say(channel, code=os.waitstatus_to_exitcode(status), late=late, cpu=spent)
        else:
            _say(channel, broken=f"the program could not be confined: {word or 'it ended too early'}")
    except BaseException as error:  # of the sandbox, not of the program: the host must hear of it
        _say(channel, broken=f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _isolate(limits: dict[str, Any]) -> None:
    """Namespaces for the children to come, and an empty scratch on memory of its own."""
    kernel.unshare(kernel.NEW_PIDS | kernel.NEW_MOUNTS | kernel.NEW_IPC)
    options = f"size={limits['scratch']}m,nr_inodes=1000,mode=700,uid={USER},gid={USER}"
    kernel.mount("tmpfs", SCRATCH, "tmpfs", kernel.NO_SUID | kernel.NO_DEVICES | kernel.NO_EXEC, options)


def _ends_in_time(child: int, window: float, clock: float) -> bool:
    """Wait for a child without reaping it; False where it waits on its own account, or the clock has run out.

    Its processor time is limited by the kernel. On a busy machine a program takes longer by the clock, and that is not
    its fault: so it goes on for as long as it uses the processor, and is ended after a window in which it hardly did.
    """
    spent, left = 0.0, clock
    while left > 0:
        if _ends_within(child, min(window, left)):
            return True
        before, spent = spent, _processor_seconds(child)
        if spent - before < IDLE * min(window, left):
            return False
        left -= window
    return False


def _processor_seconds(process: int) -> float:
    """The processor time of a process with all its threads; 0 where the system does not say."""
    try:
        return time.clock_gettime((~process << 3) | 2)  # the kernel's CPUCLOCK_SCHED of a process
    except OSError:
        return 0.0


def _ends_within(child: int, seconds: float) -> bool:
    """Wait for a child without reaping it; False where it still runs after so many seconds."""
    if hasattr(os, "pidfd_open"):
        handle = os.pidfd_open(child)
        try:
            return bool(select.select([handle], [], [], seconds)[0])
        finally:
            os.close(handle)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(0.002)
    return False


def _kill_group(leader: int) -> None:
    """Without a PID namespace: kill what stayed in the program's process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # it left nothing


def _become(status: int, descriptors: list[int], scratch: str, config: dict[str, Any], calls: bytes | None) -> NoReturn:
    """The program's process: take its descriptors, give up every privilege, and run it."""
    os.dup2(status, _STATUS)  # where the host has many files open, this may be the channel's number, which ends here
    try:
        with os.fdopen(os.dup(descriptors[0]), "rb") as file:
            job = json.loads(file.read())
        null = os.open("/dev/null", os.O_RDWR)
        extra = fcntl.fcntl(descriptors[3] if descriptors[3:] else null, fcntl.F_DUPFD, _STATUS + 1)
        channel = job["kind"] in ("serve", "check")
        os.dup2(descriptors[1], 1)
        os.dup2(null, 2)
        os.dup2(null if channel else extra, 0)
        os.dup2(descriptors[2], program.RESULTS)
        if channel:
            os.dup2(extra, CHANNEL)
        os.closerange(program.RESULTS + 1 + channel, _STATUS)
        os.closerange(_STATUS + 1, 1 << 20)
        os.setsid()
        os.umask(0o077)
        os.chdir(scratch)
        _confine(config["limits"], config["isolated"], calls)
        for name in [name for name in sys.modules if name.partition(".")[0] == "verifiers"]:
            del sys.modules[name]
        sys.argv = [""]
        sys.path.insert(0, scratch)
    except BaseException as error:
        os.write(_STATUS, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.write(_STATUS, b"confined")
    os.close(_STATUS)
    try:
        program.run(job)
    except BaseException:  # it could not even say how it ended: the program closed or filled its results
        os._exit(70)
    os._exit(0)  # without joining threads or running exit handlers: what main left behind has no say any more


def _confine(limits: dict[str, Any], isolated: bool, calls: bytes | None) -> None:
    """Drop to the program's user, without capabilities, under its limits and the call filter."""
    # Hard and soft alike: the first process of a PID namespace is deaf to the soft limit's SIGXCPU.
    bounds = [
        ("AS", limits["memory"] * _MEGABYTE),
        ("CPU", limits["cpu"]),
        ("FSIZE", limits["output"]),
        ("NOFILE", limits["files"]),
        ("CORE", 0),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
    ]
    if isolated:
        processes = limits["processes"]
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
        else:
            processes += 3  # enter, the server and the keeper count too: they are the same user
        kernel.drop_capabilities()
        kernel.die_with_parent(signal.SIGKILL)
        bounds.append(("NPROC", processes))  # of this namespace; outside of one it would count all that the user runs
    for name, value in bounds:
        if (number := getattr(resource, f"RLIMIT_{name}", None)) is not None:
            resource.setrlimit(number, (value, value))
    if sys.platform == "linux":
        kernel.no_new_privileges()
    if calls is not None:
        kernel.filter_calls(calls)
