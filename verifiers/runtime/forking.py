"""Starts the pool's workers: a fork server of the pool's own, that leaves the caller's main module out.

The standard library's fork server is one for the whole process, may be in use by others, and runs the caller's main
module in every worker. This is the same server by the standard library's own parts, one for each pool.
"""

from __future__ import annotations

import io
import multiprocessing
import os
from multiprocessing import (
    context,  # pyright: ignore[reportAttributeAccessIssue]  # no stub names it
    forkserver,
    popen_forkserver,
    reduction,
    spawn,
    util,
)
from multiprocessing import (
    process as processes,
)
from typing import Any


class _Popen(popen_forkserver.Popen):
    def __init__(self, process: Any, server: forkserver.ForkServer):
        self._server = server
        super().__init__(process)

    def _launch(self, process_obj: Any) -> None:
        data = spawn.get_preparation_data(process_obj._name)
        data.pop("init_main_from_path", None)
        data.pop("init_main_from_name", None)
        message = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            reduction.dump(data, message)
            reduction.dump(process_obj, message)
        finally:
            context.set_spawning_popen(None)
        self.sentinel, to_child = self._server.connect_to_new_process(self._fds)  # pyright: ignore[reportAttributeAccessIssue]  # set by its base
        # A copy of the pipe's write end tells the child that its parent lives.
        closing = os.dup(to_child), self.sentinel
        self.finalizer = util.Finalize(self, util.close_fds, closing)  # pyright: ignore[reportAttributeAccessIssue]  # no stub names it
        with open(to_child, "wb", closefd=True) as pipe:
            pipe.write(message.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


class _Process(context.ForkServerProcess):
    _server: Any = None

    def start(self) -> None:
        """Start, also inside a daemonic process: the workers end by themselves when their parent does."""
        config = multiprocessing.current_process()._config  # pyright: ignore[reportAttributeAccessIssue]  # no stub names it
        daemon = config.pop("daemon", None)
        try:
            super().start()
        finally:
            if daemon is not None:
                config["daemon"] = daemon

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        server, process_obj._server = process_obj._server, None  # the worker must not get it
        return _Popen(process_obj, server)


class ForkingContext(context.ForkServerContext):
    """A multiprocessing context whose processes are forked from one server."""

    def __init__(self, server: forkserver.ForkServer):
        self._server = server

    def Process(self, *args: Any, **keywords: Any) -> _Process:
        """A process that has not started yet."""
        process = _Process(*args, **keywords)
        process._server = self._server
        return process


def forget_workers() -> None:
    """In a forked child: the workers are the parent's. Without this, the child's exit would end them."""
    children = processes._children  # pyright: ignore[reportAttributeAccessIssue]  # no stub names it
    for process in list(children):
        if isinstance(process, _Process):
            children.discard(process)
