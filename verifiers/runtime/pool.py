"""A pool of killable worker processes for verifiers whose work may hang, explode or crash.

Each item runs in a worker under its own deadline, in processor time of that worker, so that a busy machine gives the
same verdicts as an idle one. Past it the kernel kills the worker (an interval timer whose signal keeps its default
action, so that it works inside a long computation in C too), the pool replaces it, and the rest of the batch goes on.
What waits instead of computing is ended by the clock, after `CLOCK` times the deadline or a minute, whichever is
longer. The workers, their queue and their replacement are pebble's.

- Workers are forked from a small server process that was started afresh and has imported the verifier: they never hold
  the caller's threads, locks, CUDA context or torch, and a replacement costs milliseconds. The caller's `__main__` is
  not imported in them, so scripts without `if __name__ == "__main__"` and notebooks work.
- A pool belongs to the process that made it. A forked child starts with none and makes its own when it needs one.
- An item whose worker died for another reason than its deadline (killed from outside, a crash, too little memory) is
  tried once more, in a new worker, so that what items before it left in memory decides no verdict.
- Not bounded here: what a worker writes to disk or sends. Verifiers in the pool compute; untrusted programs belong in
  the sandbox.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, util
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessPool

from verifiers.runtime.forking import ForkingContext, forget_workers
from verifiers.verdict import Verdict, failed

MEMORY_GB = 4.0
"""Address space of one worker, in GiB, where nothing else is said."""
RESTART_AFTER = 5000
"""Items after which a worker is replaced, so that caches and leaks stay bounded."""
CLOCK = 10
"""How many times its deadline an item may take by the clock, but no less than `LEAST_CLOCK_S`."""
LEAST_CLOCK_S = 60.0
"""Seconds by the clock that any item may take, so that no crowd of other processes decides a verdict."""
OUT_OF_MEMORY = 77
"""Exit status of a worker whose memory did not suffice."""
STARTUP_S = 60.0
"""Longest wait for workers to start; past it the pool is taken for broken and rebuilt."""


class Call(NamedTuple):
    """One item of work: a function by module and name, with its arguments; it returns a Verdict."""

    module: str
    function: str
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}  # noqa: RUF012 (never changed)


class Pool:
    """Worker processes that judge calls of one verifier module.

    Args:
        module: dotted name of the module whose functions are called. Where it has a `HEAVY` name, that module is
            imported in the workers before any deadline starts.
        workers: how many processes; by default the cores this process may use, shared among the processes that
            `accelerate` or `torchrun` started on this machine (`LOCAL_WORLD_SIZE`), and at most 8.
        memory: address space of a worker in GiB.
        restart_after: items after which a worker is replaced.
    """

    def __init__(
        self,
        module: str,
        *,
        workers: int | None = None,
        memory: float | None = None,
        restart_after: int = RESTART_AFTER,
    ):
        self.workers = default_workers() if workers is None else workers
        self.memory = MEMORY_GB if memory is None else memory
        if self.workers < 1 or self.memory <= 0:
            raise ValueError(f"a pool needs workers >= 1 and memory > 0, not {self.workers} and {self.memory}")
        self._module = module
        self._restart_after = restart_after
        self._reset()
        _POOLS.add(self)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, calls: Sequence[Call], deadline: float) -> list[Verdict]:
        """Judge calls; one verdict each, in order.

        Args:
            calls: the work.
            deadline: seconds of processor time for each call.

        Returns:
            What the calls returned; `failed` for a call that ran out of time, raised, or lost its worker twice.
        """
        verdicts: dict[int, Verdict] = {}
        deaths = dict.fromkeys(range(len(calls)), 0)
        for _ in range(4):  # a pool that breaks takes its waiting calls with it: they are given to a new one
            waiting = [index for index in deaths if index not in verdicts]
            if not waiting:
                break
            self._attempt(calls, waiting, deadline, verdicts, deaths)
        return [verdicts.get(index) or failed("its worker processes kept dying") for index in deaths]

    def close(self) -> None:
        """Stop the workers and their server; the next `run` starts new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
            server, self._server = self._server, None
        if pool is not None:
            _stop(pool)
        if isinstance(server, forkserver.ForkServer):
            server._stop()  # pyright: ignore[reportAttributeAccessIssue]  # no stub names it

    def _attempt(
        self,
        calls: Sequence[Call],
        waiting: list[int],
        deadline: float,
        verdicts: dict[int, Verdict],
        deaths: dict[int, int],
    ) -> None:
        pool = self._running()
        clock = max(CLOCK * deadline, LEAST_CLOCK_S)
        try:
            # The worker's own timers are the deadline. Pebble's timeout stands behind them, for a platform without such
            # timers and for a verifier that takes the signals for itself; it also counts what the worker imports.
            limit = clock + STARTUP_S if hasattr(signal, "setitimer") else deadline
            futures = {i: pool.schedule(_work, args=(calls[i], deadline, clock), timeout=limit) for i in waiting}
        except RuntimeError:  # pebble says so where the pool broke since it was made
            return self._discard(pool)
        for index, future in futures.items():
            try:
                verdicts[index] = future.result(timeout=clock + 2 * STARTUP_S)
            except ProcessExpired as death:
                if (late := _lateness(death, deadline, clock)) is not None:
                    verdicts[index] = failed(late)
                    continue
                deaths[index] += 1
                if deaths[index] > 1:
                    verdicts[index] = failed(f"its worker process died twice: {_how(death)}")
            except FutureTimeout:
                if not future.done():  # nothing moves: a worker was killed while it held the queue's lock
                    return self._discard(pool)
                verdicts[index] = failed(f"no verdict within {limit:g} s")
            except (BrokenProcessPool, CancelledError, RuntimeError):
                return self._discard(pool)

    def _running(self) -> ProcessPool:
        """The pebble pool of this process, started where there is none."""
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPool(
                    max_workers=self.workers,
                    max_tasks=self._restart_after,
                    initializer=_start_worker,
                    initargs=(self._module, self.memory),
                    context=self._context(),
                )
                # multiprocessing waits for children at the end of a process, before anything else could stop ours
                util.Finalize(None, _stop, args=(self._pool,), exitpriority=10)
            return self._pool

    def _discard(self, pool: ProcessPool) -> None:
        """Drop a broken pebble pool, unless another thread has replaced it already."""
        with self._lock:
            if self._pool is not pool:
                return
            self._pool = None
        _stop(pool)

    def _context(self) -> Any:
        if "forkserver" not in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context("spawn")
        if self._server is None:
            self._server = forkserver.ForkServer()
            heavy = getattr(importlib.import_module(self._module), "HEAVY", None)
            self._server.set_forkserver_preload([self._module, *([heavy] if heavy else [])])
        return ForkingContext(self._server)

    def _reset(self) -> None:
        """Forget everything of another process: its threads do not exist in this one."""
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._server: Any = None


def default_workers() -> int:
    """Cores this process may use, divided among the training processes on this machine; 1 to 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))))


def shared(module: str, *, workers: int | None = None, memory: float | None = None) -> Pool:
    """The pool of this process for a module and its limits, made at first use and closed at exit.

    Args:
        module: the verifier's module, such as `verifiers.math`.
        workers: processes at once; `default_workers()` where None.
        memory: address space of each in GiB; `MEMORY_GB` where None.
    """
    key = (module, workers, memory)
    with _shared_lock:
        if key not in _SHARED:
            _SHARED[key] = Pool(module, workers=workers, memory=memory)
        return _SHARED[key]


def _stop(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()


def _lateness(death: ProcessExpired, deadline: float, clock: float) -> str | None:
    """What to say where one of the two timers ended a worker; None where something else did."""
    code = getattr(death, "exitcode", None)
    if code == -signal.SIGPROF:
        return f"no verdict within {deadline:g} s of processor time"
    return f"no verdict within {clock:g} s" if code == -signal.SIGALRM else None


def _how(death: ProcessExpired) -> str:
    code = getattr(death, "exitcode", None)
    if code == OUT_OF_MEMORY:
        return "MemoryError"
    if isinstance(code, int) and code < 0:
        return f"signal {-code}"
    return f"exit status {code}"


# In the worker


def _start_worker(module: str, memory: float) -> None:
    """Prepare a worker: die at once when told to, stay within the memory limit, import what takes long."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    heavy = getattr(importlib.import_module(module), "HEAVY", None)
    if heavy:
        importlib.import_module(heavy)
    try:
        import resource

        limit = int(memory * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # no such limit on this platform; the deadline still bounds what a worker can fill


def _work(call: Call, deadline: float, clock: float) -> Verdict:
    """Run one call under its limits of processor time and of the clock; whatever it raises is a failed verdict."""
    function = getattr(importlib.import_module(call.module), call.function)
    timer = hasattr(signal, "setitimer")
    if timer:
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)  # a verifier may have taken it for itself
        signal.setitimer(signal.ITIMER_PROF, deadline)
        signal.setitimer(signal.ITIMER_REAL, clock)
    try:
        return function(*call.arguments, **call.keywords)
    except MemoryError:  # others than this call may have filled it
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # whatever a verifier raises, it is the verifier that broke, not the answer
        return failed(f"{type(error).__name__}: {error}"[:200])
    finally:
        if timer:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()
_SHARED: dict[tuple[str, int | None, float | None], Pool] = {}
_shared_lock = threading.Lock()


def _after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    _SHARED.clear()
    for pool in list(_POOLS):
        pool._reset()
    forget_workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
