"""An event loop in a thread of its own, which lives longer than a single call.

`asyncio.run` creates a new loop for each call, but a semaphore, a lock or a client is bound to the loop in which it was
first used. `asyncio.run` also fails within a running loop, for example in a notebook.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class EventLoop:
    """A loop in a daemon thread, which starts at the first use; after a fork, the child process starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine, and return its result or raise its exception."""
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
        except (SystemExit, KeyboardInterrupt):  # from a task, whose future has it; other tasks continue
            continue
        return
