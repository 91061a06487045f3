"""Runs a call under a time limit that holds even where the call never returns.

The call runs in a thread of its own. Python cannot stop a thread: one that hangs is left behind. It is a daemon
thread, so it does not keep the interpreter from exiting, but until then it goes on using the processor. What can be
put into a process that is killed (a verifier that says `ISOLATED`) is better put there.

In another thread than the main one `signal.alarm` does not work, and torch's `no_grad` and `inference_mode` of the
caller do not hold: a reward module says its own.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class OutOfTime(Exception):
    """A call took longer than its limit; its thread still runs."""


def bounded(call: Callable[[], Result], seconds: float) -> Result:
    """What the call returns; what it raises is raised here.

    Args:
        call: takes no arguments; it runs in a thread of its own, which inherits context variables and the GPU.
        seconds: the time limit.

    Raises:
        OutOfTime: it did not return in that many seconds.
        RuntimeError: it called `sys.exit`, which would end the run as if all were well.
    """
    results: list[Result] = []
    errors: list[BaseException] = []
    device = _cuda_device()

    def run() -> None:
        try:
            if device is not None:
                sys.modules["torch"].cuda.set_device(device)  # a new thread starts on the first one
            results.append(call())
        except BaseException as error:  # raised again in the caller, whatever it is
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
