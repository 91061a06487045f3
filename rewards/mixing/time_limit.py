"""Runs a call in a thread: beside the caller, or with a time limit that holds even if the call never returns.

Python cannot stop a thread, so a thread that hangs is abandoned. It is a daemon thread, which does not keep the
interpreter from exiting, but until then it uses the processor. A verifier that can run in a process (`ISOLATED`) should
do so, because a process can be killed. Such a thread can also spoil the end of its program (`rl/interrupt.py` says
how), which therefore asks whether a call is `unfinished`.

Outside the main thread `signal.alarm` does not work, and the caller's `no_grad` and `inference_mode` of torch have no
effect, so a reward module must set its own.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakSet

Result = TypeVar("Result")
_THREADS: WeakSet[threading.Thread] = WeakSet()
"""The threads in which calls run or have run."""


class OutOfTime(Exception):
    """A call exceeded its time limit; its thread is still running."""


class Running(Generic[Result]):
    """A call that runs in a thread of its own from now on.

    Args:
        call: a function without arguments. Its thread inherits context variables and the GPU.
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._results: list[Result] = []
        self._errors: list[BaseException] = []
        device = _cuda_device()

        def run() -> None:
            try:
                if device is not None:
                    sys.modules["torch"].cuda.set_device(device)  # a new thread starts on the first GPU
                self._results.append(call())
            except BaseException as error:  # any exception is raised again in the caller
                self._errors.append(error)

        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(run,), daemon=True, name="reward")
        _THREADS.add(self._thread)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the call has ended, well or not, but at most the given time; None for no limit."""
        self._thread.join(seconds)

    def result(self, seconds: float | None = None) -> Result:
        """Wait for the call, and return its result or raise its exception.

        Args:
            seconds: the time limit from now on; None for no limit.

        Raises:
            OutOfTime: the call did not return in time.
            RuntimeError: the call used `sys.exit`, or raised another exception that would end the run without an error.
        """
        self.wait(seconds)
        if self._results:
            return self._results[0]
        if not self._errors:
            assert seconds is not None, "without a limit it has ended"
            raise OutOfTime(f"no answer within {seconds:g} s")
        error = self._errors[0]
        if isinstance(error, SystemExit):
            raise RuntimeError(f"it called sys.exit({error.code!r})") from error
        if not isinstance(error, Exception):  # no signal reaches a thread, so not even this is a user's Ctrl-C
            raise RuntimeError(f"it raised {type(error).__name__} {error}".strip()) from error
        raise error


def bounded(call: Callable[[], Result], seconds: float) -> Result:
    """Run a call, and return its result or raise its exception.

    Args:
        call: a function without arguments. It runs in a thread of its own, which inherits context variables and the
            GPU.
        seconds: the time limit.

    Raises:
        OutOfTime: the call did not return in time.
        RuntimeError: as in `Running.result`.
    """
    return Running(call).result(seconds)


def unfinished() -> bool:
    """Whether a call still runs in a thread, abandoned or not."""
    return any(thread.is_alive() for thread in _THREADS)


def _cuda_device() -> int | None:
    torch = sys.modules.get("torch")
    return torch.cuda.current_device() if torch is not None and torch.cuda.is_initialized() else None
