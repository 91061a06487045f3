"""The sources of rows: files on disk (`rl/tasks/files.py`) and data sets on the hub.

A row that cannot be read becomes a record that says what is wrong with it and where; the caller decides what to do with
it. `datasets` is imported only when needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rl.errors import UserError, beside
from rl.tasks.files import SUFFIXES, Record, read_file, unpacked

OF_OTHER_FILES = (
    ".txt", ".md", ".html", ".xml", ".yaml", ".yml", ".xlsx", ".xls", ".ods", ".zip", ".tar", ".tgz", ".7z", ".pkl",
    ".pickle", ".npy", ".npz", ".pt", ".h5", ".sqlite", ".db",
)  # fmt: skip
"""Endings of files that cannot be read; a name with one of them is no name on the hub."""


class Source(NamedTuple):
    """The rows of a file, or of a split of a hub data set."""

    name: str
    """The name for messages."""
    records: list[Record]
    by_line: bool
    """Whether the numbers of records are line numbers."""
    split: str | None = None
    """Name of the split on the hub; None if the source has no splits."""

    def place(self, record: Record) -> str:
        """The location of a record: `file:line`, or `name row n` in formats without lines."""
        return f"{self.name}:{record.number}" if self.by_line else f"{self.name} row {record.number}"


def open_sources(data: str) -> list[Source]:
    """Read a file, a folder or a hub data set.

    Args:
        data: a file that ends with one of `SUFFIXES`, possibly compressed by gzip, bzip2, zstandard or xz; a folder
            that `datasets` wrote or can load; or a hub id, possibly with a subset, as in `openai/gsm8k@main`. A path is
            relative to the working directory.

    Returns:
        One source for a file, or one for each split of a hub data set.

    Raises:
        UserError: the file or data set does not exist, or cannot be read at all.
    """
    if re.match(r"\w+://", data):
        raise UserError(
            data, "is an address, and rows are read from files, folders and data sets on the hub; fetch it first"
        )
    path = Path(data).expanduser()
    if path.is_file():
        return [Source(data, *read_file(path, data))]
    if not path.is_dir() and not is_hub_id(data):
        raise UserError(data, f"no such file{beside(path)}")
    return _read_data_set(data)


def name_and_split(data: str) -> tuple[str, str | None]:
    """The name and the split in `SOURCE` or `SOURCE:SPLIT`; the split is None if there is none."""
    name, colon, split = data.rpartition(":")
    return (data, None) if not colon or "/" in split else (name, split)


def of_split(sources: Sequence[Source], split: str, column: str = "split") -> tuple[list[Source], list[str]]:
    """The rows of one split, and the names of all splits.

    Args:
        sources: the files of one source, or its splits on the hub.
        split: the name of the split, on the hub or in the rows.
        column: the column with the name of the split, if the source itself has no splits.

    Returns:
        The sources with only the rows of that split, or no sources if there is no such row; and the names of the
        splits.
    """
    if any(source.split is not None for source in sources):
        return [source for source in sources if source.split == split], [str(source.split) for source in sources]
    there = {str(record.columns.get(column)) for source in sources for record in source.records}
    kept = [
        source._replace(records=[r for r in source.records if r.broken or str(r.columns.get(column)) == split])
        for source in sources
    ]
    found = any(not record.broken for source in kept for record in source.records)
    return (kept if found else []), sorted(there)


def is_hub_id(data: str) -> bool:
    """Whether a source is a hub id: no such file or folder exists here, and the name is not that of a file."""
    looks_like_a_path = Path(unpacked(data)).suffix.lower() in (*SUFFIXES, *OF_OTHER_FILES) or data.startswith(
        (".", "~", "/")
    )
    return not Path(data).expanduser().exists() and not looks_like_a_path and data.count("/") <= 1


def _read_data_set(name: str) -> list[Source]:
    """Every split of a folder or hub data set, read by `datasets`."""
    import datasets
    from datasets.exceptions import DatasetsError

    folder = Path(name).expanduser()
    try:
        if any((folder / mark).exists() for mark in ("state.json", "dataset_dict.json")):
            loaded = datasets.load_from_disk(str(folder))
        else:
            hub_id, _, subset = name.partition("@")
            loaded = (
                datasets.load_dataset(str(folder.resolve()))
                if folder.is_dir()
                else datasets.load_dataset(hub_id, subset or None)
            )
    except (OSError, ValueError, DatasetsError) as error:
        first = (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0]
        kind = "a folder that datasets cannot load" if folder.is_dir() else "neither a file nor a data set on the hub"
        raise UserError(name, f"{kind}: {first}") from None
    if not isinstance(loaded, dict):
        loaded = {None: loaded}
    return [
        Source(
            name if split is None else f"{name}[{split}]",
            [Record(number, row) for number, row in enumerate(rows.to_list(), start=1)],
            by_line=False,
            split=None if split is None else str(split),
        )
        for split, rows in loaded.items()
    ]
