"""The folders `checkpoint-N` of a run; one of another name, such as `checkpoint-best`, is a user's own."""

from __future__ import annotations

from pathlib import Path


def numbered(folder: Path) -> list[Path]:
    """The folders `checkpoint-N`, sorted by N."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and step_of(path) >= 0]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The N of `checkpoint-N`; -1 for any other name."""
    number = checkpoint.name.removeprefix("checkpoint-")
    return int(number) if number.isdecimal() else -1
