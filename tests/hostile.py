"""A hostile object, for tests of what reads files that others may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Hostile:
    """An object whose pickle makes a file when it is read.

    Args:
        marker: the file.
    """

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.marker), "w")
