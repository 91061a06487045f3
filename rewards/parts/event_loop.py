"""An event loop in a thread of its own, which outlives single calls.

`asyncio.run` creates a new loop each time, and a semaphore, a lock or a client is bound to the loop in which a
coroutine first used it. It also refuses to run inside a running loop, as in a notebook.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class EventLoop:
    """A loop that starts when it is first used, in a daemon thread; after a fork the child starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """What the coroutine returns; what it raises is raised here."""
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                threading.Thread(target=_keep_running, args=(self._loop,), daemon=True, name="event loop").start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _keep_running(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt):  # a task called sys.exit: its own future holds that, and others go on
            continue
        return
