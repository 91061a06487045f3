"""Files without a name that a program is given: its job, its input, and where its output and results go."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def entered(stdin: str) -> Iterator[BinaryIO | None]:
    """A file to read as standard input; none where there is nothing to read."""
    if not stdin:
        yield None
        return
    with memory() as file:
        file.write(stdin.encode("utf-8", "replace"))
        file.seek(0)
        yield file


@contextlib.contextmanager
def memory() -> Iterator[BinaryIO]:
    """A file without a name, in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("sandbox"), "w+b", buffering=0) as file:
            yield file
    else:
        with tempfile.TemporaryFile(buffering=0) as file:
            yield file
