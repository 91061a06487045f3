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
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from verifiers.execution.sandbox import files
from verifiers.execution.sandbox.connection import GRACE_SECONDS, Connection
from verifiers.execution.sandbox.outcome import Limits, Outcome, SandboxError, SandboxUnavailable, outcome

ROUTES = ("bubblewrap", "unshare")
"""Ways to isolate, in the order they are tried."""


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
        self._connection = Connection(self.limits, self.preload)

    def start(self) -> None:
        """Start the server, by the first route that works; nothing where it runs already."""
        if self._connection.is_open:
            return
        reasons = []
        for route in self._routes if not self.route else (self.route,):
            try:
                self._connection.start(route)
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
        self._connection.start("none")
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
                    answer = self._connection.expect("code", self.limits.clock + GRACE_SECONDS)
                seconds = time.monotonic() - began
                said, wrote = (os.pread(file.fileno(), self.limits.output, 0) for file in (printed, results))
                return outcome(answer, self.limits, self.route != "none", said, wrote, seconds)

            with self._closed_on_error():
                self._connection.send(descriptors, patient=job["kind"] in ("serve", "check"))
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
        self._connection.close()

    def abandon(self) -> None:
        """Let go of a server that belongs to another process, which this one was forked from."""
        self._connection.abandon()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
