"""The sandbox as the caller sees it: starts the fork server, hands it programs, reads what came of them.

The server is started by bubblewrap where that is installed and works, by `unshare` (`enter.py`) otherwise. Its code is
sent over the channel, so that no file of ours is visible inside. Each program gets three files in memory: the job,
what it prints, and its results. The last two have the limits' size at most, and are read once every process of the
program is dead: so a program's output needs no thread to drain it and cannot grow past its bound.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from verifiers.execution.sandbox import boot, files, layout
from verifiers.execution.sandbox.outcome import Limits, Outcome, SandboxError, SandboxUnavailable, outcome

ROUTES = ("bubblewrap", "unshare")
"""Ways to isolate, in the order they are tried."""

_START_SECONDS = 60.0  # a cold disk and a heavy preload; nothing waits so long otherwise
_GRACE_SECONDS = 10.0  # what the sandbox may take to answer beyond the program's own time


class Sandbox:
    """A fork server in a sandbox, started at the first program and again whenever it broke. For one thread at a time.

    Args:
        limits: of each program.
        preload: modules imported once for all programs (`("numpy", "sympy")`); a program may import them anyway, at
            its own expense.
        allow_unsandboxed: where no isolation is possible, run programs with the limits alone, and warn.
        routes: the ways to isolate that are tried, in order.

    Attributes:
        route: `bubblewrap`, `unshare`, `none`, or the empty string before the start.

    Raises:
        SandboxUnavailable: (from `start` and `run`) no route works here and `allow_unsandboxed` is false.
        ValueError: (from the same) a module of `preload` cannot be imported.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        preload: Sequence[str] = (),
        allow_unsandboxed: bool = False,
        routes: Sequence[str] = ROUTES,
    ) -> None:
        self.limits = limits or Limits()
        self.preload = tuple(preload)
        self.route = ""
        self._allow_unsandboxed = allow_unsandboxed
        self._routes = tuple(routes)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._received = b""

    def start(self) -> None:
        """Start the server, by the first route that works; nothing where it runs already."""
        if self._channel is not None:
            return
        reasons = []
        for route in self._routes if not self.route else (self.route,):
            try:
                self._start(route)
            except (SandboxError, OSError) as error:
                self.close()
                reasons.append(f"{route}: {error}")
            else:
                self.route = route
                return
        if self.route:
            raise SandboxError("the sandbox does not start any more: " + "; ".join(reasons))
        if not self._allow_unsandboxed:
            raise SandboxUnavailable(
                f"programs are not run, since this machine allows no isolation ({'; '.join(reasons) or 'no route'}). "
                "Allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
                "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that lets unshare "
                "and mount through, or --cap-add SYS_ADMIN), or set allow_unsandboxed: true to run them with limits "
                "alone"
            )
        warnings.warn("programs run without isolation: they can read and change all that you can", stacklevel=3)
        self._start("none")
        self.route = "none"

    def run(
        self,
        source: str,
        *,
        setup: str = "",
        entries: Sequence[str] = ("solution",),
        tests: Sequence[tuple[str, str]] = (),
        stdin: str = "",
        ends_well: bool = False,
    ) -> Outcome:
        """Run one program in a process of its own.

        Args:
            source: the program.
            setup: statements run before it, in its scope.
            entries: names of functions without arguments; the first one it defines is called for its value.
            tests: pairs of `value` and an expression, `passes` and statements, or `call` and JSON of `function` (an
                expression) and `arguments` (encoded values); evaluated after the program, in its scope.
            stdin: what it reads from standard input.
            ends_well: with tests, whether what follows its last definition must not fail.

        Raises:
            SandboxError: the sandbox broke or did not answer; it is started anew for the next program.
            SandboxUnavailable: there is none.
        """
        kind = "tested" if tests else "answer"
        job = {"kind": kind, "setup": setup, "source": source, "entries": list(entries), "tests": list(tests)}
        job["ends_well"] = ends_well
        with files.entered(stdin) as extra, self._running(job, extra) as finish:
            return finish()

    def run_script(self, source: str, stdin: str, *, setup: str = "") -> Outcome:
        """Run one program as the interpreter runs a file, to the end of its threads and exit handlers.

        Args:
            source: the program.
            stdin: what it reads from standard input.
            setup: statements run before it, in its scope.

        Raises:
            SandboxError: as in `run`, and SandboxUnavailable.
        """
        job = {"kind": "script", "setup": setup, "source": source, "tests": []}
        with files.entered(stdin) as extra, self._running(job, extra) as finish:
            return finish()

    def run_tested(
        self,
        source: str,
        tester: Sandbox,
        tests: Sequence[tuple[str, str]],
        names: Sequence[str],
        *,
        setup: str = "",
        ends_well: bool = False,
    ) -> tuple[Outcome, Outcome]:
        """Run a program here and its tests in another sandbox, which calls it (`testing.py`).

        Args:
            source: the program.
            tester: where the tests run.
            tests: pairs of `value` and an expression, or `passes` and statements, which pass where they do not raise.
            names: those of the tests' names that are the program's.
            setup: statements run before the program, and before the tests.
            ends_well: whether what follows the program's last definition must not fail.

        Returns:
            How the program ended, and how the tests did.

        Raises:
            SandboxError: one of the two broke, and SandboxUnavailable.
        """
        ours, theirs = socket.socketpair()
        serve = {"kind": "serve", "setup": setup, "source": source, "ends_well": ends_well}
        check = {"kind": "check", "setup": setup, "tests": list(tests), "names": list(names)}
        with ours, theirs, self._running(serve, ours) as finish, tester._running(check, theirs) as finish_tests:
            ours.close()
            theirs.close()  # so that each of the two sees the end of the other
            tested = finish_tests()
            return finish(), tested

    @contextlib.contextmanager
    def _running(self, job: dict[str, Any], extra: Any = None) -> Iterator[Callable[[], Outcome]]:
        """Start a program; gives a function that waits for its end, which must be called."""
        self.start()
        with files.memory() as file, files.memory() as printed, files.memory() as results:
            file.write(json.dumps(job).encode())
            file.seek(0)
            began = time.monotonic()
            descriptors = [handle.fileno() for handle in (file, printed, results, extra) if handle is not None]

            def finish() -> Outcome:
                with self._closed_on_error():
                    answer = self._expect("code", self.limits.clock + _GRACE_SECONDS)
                seconds = time.monotonic() - began
                said, wrote = (os.pread(file.fileno(), self.limits.output, 0) for file in (printed, results))
                return outcome(answer, self.limits, self.route != "none", said, wrote, seconds)

            with self._closed_on_error():
                self._send(descriptors, patient=job["kind"] in ("serve", "check"))
            yield finish

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except (SandboxError, OSError) as error:
            self.close()
            raise SandboxError(str(error)) from error

    def close(self) -> None:
        """End the server and everything in it. The next program starts it again."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._channel, self._process, self._received = None, None, b""

    def abandon(self) -> None:
        """Let go of a server that belongs to another process, which this one was forked from."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.returncode = 0  # or it would be waited for when it is collected
        self._channel, self._process, self._received = None, None, b""

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, route: str) -> None:
        """Start the server by one route.

        Raises:
            SandboxError: it did not get ready; the message ends with what it wrote to standard error.
            OSError: it could not be run.
        """
        plan = layout.plan(route, boot.LOADER)
        ours, theirs = socket.socketpair()
        number = str(theirs.fileno())
        with files.memory() as complaints, theirs:
            self._channel = ours
            self._process = subprocess.Popen(
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
        assert self._process is not None and self._channel is not None
        if plan.entry is not None:
            self._send_code("enter", plan.entry | {"command": _fill(plan.entry["command"], number)})
            if plan.entry["user_namespace"]:
                self._expect("need", _START_SECONDS)
                layout.map_users(self._process.pid)
                self._channel.sendall(b"k")
        config = {"limits": asdict(self.limits), "preload": self.preload, "paths": plan.paths}
        config |= {"isolated": route != "none", "temporary": tempfile.gettempdir()}
        self._send_code("server", config)
        self._expect("ready", _START_SECONDS)
        with files.memory() as file, files.memory() as printed, files.memory() as results:
            file.write(b'{"kind": "answer", "setup": "", "source": "", "entries": [], "tests": []}')
            file.seek(0)
            self._send([file.fileno(), printed.fileno(), results.fileno()])
            answer = self._expect("code", self.limits.clock + _GRACE_SECONDS)
        if answer["code"] != 0:
            raise SandboxError(f"an empty program ended with {answer['code']}; is the memory limit too low?")

    def _send_code(self, last: str, config: dict[str, Any]) -> None:
        assert self._channel is not None
        self._channel.settimeout(_START_SECONDS)
        self._channel.sendall(boot.code(last, config))

    def _send(self, descriptors: list[int], *, patient: bool = False) -> None:
        """Hand over one program's files."""
        assert self._channel is not None
        self._channel.settimeout(_GRACE_SECONDS)
        socket.send_fds(self._channel, [b"wait\n" if patient else b"run\n"], descriptors)

    def _expect(self, key: str, seconds: float) -> dict[str, Any]:
        """The next line from inside, which must have this key.

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


def _fill(command: list[str], number: str) -> list[str]:
    return [number if word == layout.CHANNEL else word for word in command]
