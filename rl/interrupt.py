"""An orderly end: on a termination signal, as schedulers send it before they take a machine away, and beside a reward
that hangs."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from rewards.mixing.time_limit import OutOfTime, bounded, unfinished

LONGEST = 10.0
"""Longest wait in seconds for threads that are no daemons, at the end of a process in which a reward hangs."""


@contextmanager
def stopping_at_once() -> Iterator[None]:
    """Within this context a termination signal raises KeyboardInterrupt, as Ctrl-C does, if this is the main thread.

    By default it would end the process on the spot: locks and temporary files would stay, and trackers would not hear
    of it. In a fit, `rl.runs.callbacks.StopOnSignal` handles the signal instead, and saves first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """After this context the process ends with its own exit code, even if a reward still runs in a thread.

    An interpreter that ends unwinds each daemon thread that comes back to it from native code. Where that is C++ of
    torch's, which may not be unwound, the whole process is aborted, with exit code 134. So a process with such a thread
    does everything that an interpreter does at its end but take itself down, and is then left at once.
    """
    try:
        yield
    except BaseException as error:
        if unfinished():
            leave_at_once(error)
        raise
    if unfinished():
        leave_at_once(None)


def leave_at_once(error: BaseException | None) -> NoReturn:
    """End the process with exit handlers and flushed files, as an interpreter does, whatever its threads do.

    Daemon threads are not waited for, and others for no longer than `LONGEST`.

    Args:
        error: the exception that ends the program; None if it came to its end.
    """
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    elif error is not None:
        code = 1
        sys.excepthook(type(error), error, error.__traceback__)
    with suppress(OutOfTime):  # a thread of a reward that hangs
        bounded(threading._shutdown, LONGEST)  # pyright: ignore[reportAttributeAccessIssue]  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # its reader is gone, or it is closed
            code = code or 1
    os._exit(code)
