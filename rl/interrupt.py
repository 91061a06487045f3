"""An orderly end on a termination signal, as schedulers send it before they take a machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
