"""Sources of rows: files (JSON lines, JSON, CSV, TSV, parquet) and data sets of the hub.

This module does not judge rows. A row that cannot be read becomes a record with its location and what is wrong with it,
and the caller decides. pandas, pyarrow and datasets are imported only when they are needed, so a JSON lines file opens
without them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from rl.errors import UserError
from rl.tasks.packed import Damaged, opened, unpacked_name
from verifiers.runtime.names import nearest

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class Record(NamedTuple):
    """One row of a source, with its columns or with what is wrong with it."""

    number: int
    """Number of the line on which the row starts, or in formats without lines the number of the row, from 1."""
    columns: dict[str, Any]
    broken: str | None = None


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
        data: a `.jsonl`, `.ndjson`, `.json`, `.csv` or `.tsv` file, which may be compressed with gzip, bzip2 or
            zstandard; a `.parquet` file; a folder that `datasets` wrote or can load; or a hub id, which may name a
            subset, as in `openai/gsm8k@main`. A path is relative to the working directory.

    Returns:
        One source for a file, or one for each split of a hub data set.

    Raises:
        UserError: there is no such file or data set, or it cannot be read at all.
    """
    path = Path(data).expanduser()
    if path.is_file():
        return [_read_file(path, data)]
    if not path.is_dir() and not is_hub_id(data):
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(data, "no such file" + (f"; {nearest(path.name, beside)}" if beside else ""))
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
        source._replace(records=[r for r in source.records if r.broken or r.columns.get(column) == split])
        for source in sources
    ]
    found = any(not record.broken for source in kept for record in source.records)
    return (kept if found else []), sorted(there)


def is_hub_id(data: str) -> bool:
    """Whether a source is a hub id: no such file or folder exists, and the name does not look like a path."""
    looks_like_a_path = Path(unpacked_name(data)).suffix.lower() in SUFFIXES or data.startswith((".", "~", "/"))
    return not Path(data).expanduser().exists() and not looks_like_a_path and data.count("/") <= 1


def _read_file(path: Path, name: str) -> Source:
    kind = Path(unpacked_name(path.name)).suffix.lower()
    if kind == ".parquet":
        return Source(name, _parquet(path, name), by_line=False)
    try:
        with opened(path) as file:
            if kind in (".csv", ".tsv"):
                return Source(name, list(_csv(file, name, "\t" if kind == ".tsv" else ",")), by_line=True)
            if kind == ".json" and _starts_with_bracket(file):
                return Source(name, _json_array(file.read(), name), by_line=False)
            if kind in (".jsonl", ".ndjson", ".json"):
                return Source(name, list(_json_lines(file)), by_line=True)
    except Damaged as error:
        raise UserError(name, f"the {error.kind} file is damaged: {error}") from None
    except OSError as error:
        raise UserError(name, f"cannot be read: {error.strerror or error}") from None
    raise UserError(name, f"{kind or 'a file without a suffix'} is not a known format; known are {', '.join(SUFFIXES)}")


def _starts_with_bracket(file: IO[bytes]) -> bool:
    start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    file.seek(0)
    return start == b"["


def _json_lines(file: IO[bytes]) -> Iterator[Record]:
    """One object per line; blank lines are skipped."""
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not (line := line.strip()):
            continue
        try:
            value, twice = _one_object(line)
            if b"\\ud" in line.lower():  # an escape that may be a lone surrogate, which tokenizers reject
                json.dumps(value, ensure_ascii=False).encode()
        except UnicodeError:
            yield Record(number, {}, "not Unicode: it holds bytes or escapes that are no character")
        except json.JSONDecodeError as error:
            yield Record(number, {}, f"not JSON: {error.msg} at column {error.colno}")
        except (ValueError, RecursionError) as error:
            yield Record(number, {}, f"not JSON: {error}")
        else:
            yield (
                _json_record(number, value)
                if twice is None
                else Record(number, {}, f"two columns are called {twice!r}")
            )


def _one_object(line: bytes) -> tuple[Any, str | None]:
    """The value of a line, and a key that its object has twice; json alone would silently keep the last one."""
    outermost: list[str] = []

    def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        outermost[:] = [name for name, _ in pairs]
        return dict(pairs)

    value = json.loads(line, object_pairs_hook=noted)
    if not isinstance(value, dict) or len(value) == len(outermost):
        return value, None
    return value, next(name for name in value if outermost.count(name) > 1)


def _json_array(text: bytes, name: str) -> list[Record]:
    """The rows of a file that is one array of objects; they are numbered by row, not by line."""
    try:
        values = json.loads(text.removeprefix(b"\xef\xbb\xbf"))
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError:
        raise UserError(name, "not Unicode: it holds bytes or escapes that are no character") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{name}:{error.lineno}", f"not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(name, f"not JSON: {error}") from None
    return [_json_record(number, value) for number, value in enumerate(values, start=1)]


def _json_record(number: int, value: Any) -> Record:
    if isinstance(value, dict):
        return Record(number, value)
    return Record(number, {}, f"not a JSON object but {type(value).__name__}")


def _csv(file: IO[bytes], name: str, delimiter: str) -> Iterator[Record]:
    """Rows below a header line. The number of a row is the line on which it starts, also after quoted line breaks."""
    # bytes that are not UTF-8 become lone surrogates, which are reported for their row
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    longest = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(text, strict=True, delimiter=delimiter)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise UserError(f"{name}:1", f"not CSV: {error}") from None
        if twice := {column for column in header if header.count(column) > 1}:
            raise UserError(f"{name}:1", f"two columns are called {min(twice)!r}")
        while True:
            number = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                yield Record(number, {}, f"not CSV: {error}")
                continue
            if fields is None:
                return
            if not fields:  # a blank line
                continue
            if _HALF_CHARACTER.search("".join(fields)):
                yield Record(number, {}, "not Unicode: it holds bytes that are no UTF-8")
            elif len(fields) != len(header):
                yield Record(number, {}, f"{len(fields)} fields under a header of {len(header)}")
            else:
                yield Record(number, dict(zip(header, fields, strict=True)))
    finally:
        csv.field_size_limit(longest)


def _parquet(path: Path, name: str) -> list[Record]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(name, f"not a readable parquet file: {str(error).splitlines()[0]}") from None
    return [Record(number, row) for number, row in enumerate(rows, start=1)]


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
                datasets.load_dataset(str(folder)) if folder.is_dir() else datasets.load_dataset(hub_id, subset or None)
            )
    except (OSError, ValueError, DatasetsError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        kind = "a folder that datasets cannot load" if folder.is_dir() else "no such file, and not a hub data set"
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
