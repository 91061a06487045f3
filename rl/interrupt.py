"""An orderly end: on a termination signal, as schedulers send it before they take a machine away, beside a reward that
hangs, and after the terminal or the program that read the output has gone."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from types import FrameType
from typing import Any, NoReturn

from rewards.mixing.time_limit import OutOfTime, bounded, unfinished

LONGEST = 10.0
"""Longest wait in seconds for threads that are no daemons, at the end of a process in which a reward hangs."""
GONE = (errno.EPIPE, errno.EIO, errno.EBADF)
"""Errors of writing to a pipe that nobody reads, to a terminal that was closed, and to a stream that was."""
Handler = Callable[[int, FrameType | None], Any] | int | None
"""A signal handler, as `signal.signal` returns it."""


@contextmanager
def hearing(handler: Handler, *signals: int) -> Iterator[None]:
    """Within this context a function handles these signals, if this is the main thread, to which alone they come.

    Args:
        handler: the function.
        signals: their numbers. One that is ignored stays so: `nohup` lets a run go on like this when its terminal is
            closed.
    """
    before: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        heard = (number for number in signals if signal.getsignal(number) is not signal.SIG_IGN)
        before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


@contextmanager
def stopping_at_once() -> Iterator[None]:
    """Within this context a termination signal raises KeyboardInterrupt, as Ctrl-C does, and so does a closed terminal.

    By default it would end the process on the spot: locks and temporary files would stay, and trackers would not hear
    of it. In a fit, `rl.runs.callbacks.StopOnSignal` handles the signal instead, and saves first.
    """
    with hearing(signal.default_int_handler, signal.SIGTERM, signal.SIGHUP):
        yield


class _Lasting(FileIO):
    """The file of a stream, whose writes go nowhere once nobody can read them any more.

    Args:
        stream: the stream, which would close the file if it were not kept.
    """

    def __init__(self, stream: TextIOWrapper) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self.stream = stream

    def write(self, data: Any, /) -> int:
        """Write bytes, and return their number."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def lasting(stream: Any) -> Any:
    """The standard output or error of this process, as a stream that a command outlives.

    A terminal may be closed, and `tee` or `head` may end before the command that they read from. What a run would say
    then is in its folder, too, so it goes on, or saves on Ctrl-C, with its output dropped.

    Args:
        stream: `sys.stdout` or `sys.stderr`. One that was replaced by something else is returned as it is.
    """
    buffer = getattr(stream, "buffer", None)
    if not isinstance(stream, TextIOWrapper) or type(getattr(buffer, "raw", buffer)) is not FileIO:
        return stream
    stream.flush()
    at_once = stream.line_buffering or stream.write_through
    return TextIOWrapper(BufferedWriter(_Lasting(stream)), stream.encoding, "replace", line_buffering=at_once)


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
