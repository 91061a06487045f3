"""Sandboxes that are kept between programs: lent to one thread at a time, and ended with this process."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from verifiers.execution.sandbox.host import Sandbox
from verifiers.execution.sandbox.outcome import Limits, SandboxUnavailable

_lock = threading.Lock()
_idle: dict[Any, list[Sandbox]] = {}
_lent: set[Sandbox] = set()
_refused: dict[Any, str] = {}


@contextlib.contextmanager
def borrow(limits: Limits, preload: tuple[str, ...], allow_unsandboxed: bool) -> Iterator[Sandbox]:
    """A started sandbox with these settings, an idle one or a new one; it goes back when the block ends.

    Args:
        limits: of each program.
        preload: modules imported once for all programs.
        allow_unsandboxed: whether programs may run with limits alone where no isolation is possible.

    Raises:
        SandboxUnavailable: this machine allows no isolation. That is found out once in a process.
        ValueError: a module of `preload` cannot be imported.
    """
    key = (limits, preload, allow_unsandboxed)
    with _lock:
        if key in _refused:
            raise SandboxUnavailable(_refused[key])
        idle = _idle.setdefault(key, [])
        sandbox = idle.pop() if idle else Sandbox(limits, preload=preload, allow_unsandboxed=allow_unsandboxed)
        _lent.add(sandbox)
    try:
        sandbox.start()
        yield sandbox
    except SandboxUnavailable as error:
        with _lock:
            _refused[key] = str(error)
        raise
    finally:
        with _lock:
            _lent.discard(sandbox)
            if key not in _refused:
                _idle.setdefault(key, []).append(sandbox)


def close_all() -> None:
    """End the idle sandboxes of this process; the next program starts a new one."""
    with _lock:
        sandboxes = [sandbox for idle in _idle.values() for sandbox in idle]
        _idle.clear()
        _refused.clear()
    for sandbox in sandboxes:
        sandbox.close()


def _forget() -> None:
    """In a forked child: the sandboxes are the parent's, so let go of their channels and leave them alone."""
    global _lock
    _lock = threading.Lock()  # the parent's may have been held by a thread that does not exist here
    for sandbox in [*_lent, *(sandbox for idle in _idle.values() for sandbox in idle)]:
        sandbox.abandon()
    _idle.clear()
    _lent.clear()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget)
