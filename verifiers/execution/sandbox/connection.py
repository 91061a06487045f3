"""The fork server's process, and the channel to it: starts it by one route, sends it files, reads its answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verifiers.execution.sandbox import boot, files, layout
from verifiers.execution.sandbox.outcome import Limits, SandboxError

GRACE_SECONDS = 10.0
"""What the sandbox may take to answer beyond the program's own time."""
_START_SECONDS = 60.0  # a cold disk and a heavy preload; nothing waits so long otherwise


class Connection:
    """A fork server and the channel to it.

    Args:
        limits: of each program.
        preload: modules imported once for all programs.

    Attributes:
        process: the server; None where it does not run.
    """

    def __init__(self, limits: Limits, preload: Sequence[str]) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._limits = limits
        self._preload = tuple(preload)
        self._channel: socket.socket | None = None
        self._received = b""

    @property
    def is_open(self) -> bool:
        """Whether a server was started and not closed."""
        return self._channel is not None

    def start(self, route: str) -> None:
        """Start the server by one route, a name of `verifiers.execution.sandbox.layout`.

        Raises:
            SandboxError: it did not get ready; the message ends with what it wrote to standard error.
            OSError: it could not be run.
        """
        plan = layout.plan(route, boot.LOADER)
        ours, theirs = socket.socketpair()
        number = str(theirs.fileno())
        with files.memory() as complaints, theirs:
            self._channel = ours
            self.process = subprocess.Popen(
                _fill(plan.command, number),
                env=layout.ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # so that one signal reaches all that is not in a PID namespace of its own
            )
            theirs.close()
            try:
                self._boot(route, plan, number)
            except ValueError:
                self.close()
                raise
            except (SandboxError, OSError) as error:
                self.close()
                said = os.pread(complaints.fileno(), 100_000, 0).decode("utf-8", "replace").strip().splitlines()
                raise SandboxError(f"{error}{': ' + said[-1] if said else ''}") from None

    def _boot(self, route: str, plan: layout.Plan, number: str) -> None:
        """Send the code, map the users where asked, wait until the server is ready, and see whether programs run."""
        assert self.process is not None and self._channel is not None
        if plan.entry is not None:
            self._send_code("enter", plan.entry | {"command": _fill(plan.entry["command"], number)})
            if plan.entry["user_namespace"]:
                self.expect("need", _START_SECONDS)
                layout.map_users(self.process.pid)
                self._channel.sendall(b"k")
        config = {"limits": asdict(self._limits), "preload": self._preload, "paths": plan.paths}
        config |= {"isolated": route != "none", "temporary": tempfile.gettempdir()}
        self._send_code("server", config)
        self.expect("ready", _START_SECONDS)
        with files.memory() as file, files.memory() as printed, files.memory() as results:
            file.write(b'{"kind": "answer", "setup": "", "source": "", "entries": [], "tests": []}')
            file.seek(0)
            self.send([file.fileno(), printed.fileno(), results.fileno()])
            answer = self.expect("code", self._limits.clock + GRACE_SECONDS)
        if answer["code"] != 0:
            raise SandboxError(f"an empty program ended with {answer['code']}; is the memory limit too low?")

    def _send_code(self, last: str, config: dict[str, Any]) -> None:
        assert self._channel is not None
        self._channel.settimeout(_START_SECONDS)
        self._channel.sendall(boot.code(last, config))

    def send(self, descriptors: list[int], *, patient: bool = False) -> None:
        """Hand over one program's files.

        Args:
            descriptors: those of its job, what it prints, its results, and perhaps its standard input or a channel.
            patient: whether the program waits for another one, so that the clock alone limits it.
        """
        assert self._channel is not None
        self._channel.settimeout(GRACE_SECONDS)
        socket.send_fds(self._channel, [b"wait\n" if patient else b"run\n"], descriptors)

    def expect(self, key: str, seconds: float) -> dict[str, Any]:
        """The next line from inside, which must have a key.

        Args:
            key: the key.
            seconds: how long to wait for it.

        Raises:
            SandboxError: it says that something broke, there is none in time, or the other side is gone.
        """
        assert self._channel is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._received:
            self._channel.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = self._channel.recv(65536)
            except TimeoutError:
                raise SandboxError(f"the sandbox did not answer within {seconds:g} s") from None
            if not part:
                raise SandboxError("the sandbox ended")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        answer = json.loads(line)
        if "missing" in answer:
            raise ValueError(f"preload of the sandbox: {answer['missing']}")
        if key not in answer:
            raise SandboxError(str(answer.get("broken", f"the sandbox said {answer}")))
        return answer

    def close(self) -> None:
        """End the server and everything in it. `start` starts another."""
        if self._channel is not None:
            self._channel.close()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._channel, self.process, self._received = None, None, b""

    def abandon(self) -> None:
        """Let go of a server that belongs to another process, which this one was forked from."""
        if self._channel is not None:
            self._channel.close()
        if self.process is not None:
            self.process.returncode = 0  # or it would be waited for when it is collected
        self._channel, self.process, self._received = None, None, b""


def _fill(command: list[str], number: str) -> list[str]:
    return [number if word == layout.CHANNEL else word for word in command]
