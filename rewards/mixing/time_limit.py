"""Runs a call with a time limit that holds even if the call never returns.

The call runs in a thread of its own. Python cannot stop a thread, so a thread that hangs is abandoned. It is a daemon
thread, which does not keep the interpreter from exiting, but until then it uses the processor. A verifier that can run
in a process (`ISOLATED`) should do so, because a process can be killed.

Outside the main thread `signal.alarm` does not work, and the caller's `no_grad` and `inference_mode` of torch have no
effect, so a reward module must set its own.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class OutOfTime(Exception):
    """A call exceeded its time limit; its thread is still running."""


def bounded(call: Callable[[], Result], seconds: float) -> Result:
    """Run a call, and return its result or raise its exception.

    Args:
        call: a function without arguments. It runs in a thread of its own, which inherits context variables and the
            GPU.
        seconds: the time limit.

    Raises:
        OutOfTime: the call did not return in time.
        RuntimeError: the call used `sys.exit`, which would end the run without an error.
    """
    results: list[Result] = []
    errors: list[BaseException] = []
    device = _cuda_device()

    def run() -> None:
        try:
            if device is not None:
                sys.modules["torch"].cuda.set_device(device)  # a new thread starts on the first GPU
            results.append(call())
        except BaseException as error:  # any exception is raised again in the caller
            errors.append(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="reward")
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    if not errors:
        raise OutOfTime(f"no answer within {seconds:g} s")
    if isinstance(errors[0], SystemExit):
        raise RuntimeError(f"it called sys.exit({errors[0].code!r})") from errors[0]
    raise errors[0]


def _cuda_device() -> int | None:
    torch = sys.modules.get("torch")
    return torch.cuda.current_device() if torch is not None and torch.cuda.is_initialized() else None
