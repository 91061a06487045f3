"""What the code of a reward changes for the whole process, and a run needs as it was.

A judge that calls `set_seed(42)` at its start would have the policy draw every batch from the same random numbers, and
nothing would show it. So torch's random numbers go on afterwards as if the reward had drawn none. Beside a draw
(`algorithm.overlap`) they are left alone, because the draw needs them meanwhile.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def kept() -> Iterator[None]:
    """Put back afterwards the current folder, what warnings do, torch's default type, and its random numbers."""
    torch: Any = sys.modules.get("torch")  # rewards of plain Python do not need it
    here, filters = os.getcwd(), warnings.filters[:]
    dtype = None if torch is None else torch.get_default_dtype()
    try:
        with _own_random_numbers(torch):
            yield
    finally:
        os.chdir(here)
        if warnings.filters != filters:
            warnings.filters[:] = filters  # pyright: ignore[reportIndexIssue]  # a list
        if torch is not None and torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)


def _own_random_numbers(torch: Any) -> Any:
    if torch is None or threading.current_thread() is not threading.main_thread():
        return nullcontext()
    device = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    return torch.random.fork_rng(devices=device)
