"""Rows of one file: JSON lines, JSON, CSV, TSV, parquet or arrow, compressed or not.

A row that cannot be read becomes a record that says what is wrong with it. pandas and pyarrow are imported only when
needed, so a JSON lines file opens without them.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rl.errors import UserError
from rl.tasks.json_rows import Record, read_json

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".feather")
PACKED = (".gz", ".bz2", ".zst", ".xz")
"""Endings that compressed files have after their suffix."""
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def read_file(path: Path, name: str) -> tuple[list[Record], bool]:
    """The rows of a file.

    Args:
        path: path of the file. Its name determines the format, and its first bytes the compression.
        name: the file's name in messages.

    Returns:
        The rows, and whether their numbers are line numbers.

    Raises:
        UserError: the file cannot be read at all.
    """
    kind = Path(unpacked(path.name)).suffix.lower()
    try:
        with _opened(path) as file:
            if file.peek(len(LFS_POINTER)).startswith(LFS_POINTER):
                raise UserError(name, "is a Git LFS pointer, not the data; fetch it with `git lfs pull`")
            if kind == ".parquet":
                return _parquet(file, name), False
            if kind in (".arrow", ".feather"):
                return _arrow(file, name), False
            if kind in SUFFIXES:
                file = _as_utf8(file, name)
            if kind in (".csv", ".tsv"):
                return list(_csv(file, name, "\t" if kind == ".tsv" else _delimiter(file))), True
            if kind in (".jsonl", ".ndjson", ".json"):
                return read_json(file.read(), name, whole=kind == ".json")
    except _Damaged as error:
        raise UserError(name, f"the {error.kind} file is damaged: {error}") from None
    except OSError as error:
        raise UserError(name, f"cannot be read: {error.strerror or error}") from None
    raise UserError(
        name,
        f"{kind or 'a file without a suffix'} is not a known format; known are {', '.join(SUFFIXES)}, each possibly "
        f"followed by {', '.join(PACKED)}",
    )


def _opened(path: Path) -> io.BufferedReader:
    """The file's bytes, decompressed if it is compressed, which its content determines and not its name.

    Raises:
        _Damaged: the file is compressed, and truncated or broken.
    """
    with path.open("rb") as file:
        start = file.read(6)
    kind = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    if kind is None:
        return path.open("rb")
    try:
        if kind == "zstd":
            import pyarrow

            with pyarrow.OSFile(str(path)) as file, pyarrow.CompressedInputStream(file, "zstd") as unpacked:
                return _buffered(unpacked.read())
        unpack = {"gzip": gzip, "bzip2": bz2, "xz": lzma}[kind].decompress
        return _buffered(unpack(path.read_bytes()))
    except (EOFError, ValueError, OSError, zlib.error, lzma.LZMAError) as error:
        raise _Damaged(kind, str(error)) from None


def _buffered(content: bytes) -> io.BufferedReader:
    raw: Any = io.BytesIO(content)  # typeshed wants a RawIOBase, and peeking works on this as well
    return io.BufferedReader(raw)


class _Damaged(Exception):
    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


_MARKS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}
"""First bytes of a compressed file → its compression."""
LFS_POINTER = b"version https://git-lfs"
_BYTE_ORDER = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
               codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
"""Byte order mark → encoding. Longer marks come first, because a short one is the beginning of a long one."""


def _as_utf8(file: io.BufferedReader, name: str) -> io.BufferedReader:
    """A text file as UTF-8, even if a spreadsheet wrote it as UTF-16 with a byte order mark.

    Raises:
        UserError: the file is UTF-16 or UTF-32 without a byte order mark, or broken.
    """
    start = file.peek(64)[:64]
    encoding = next((of for mark, of in _BYTE_ORDER.items() if start.startswith(mark)), None)
    if encoding is None:
        if b"\0" in start:
            raise UserError(name, "holds NUL bytes, as UTF-16 does; save it as UTF-8")
        return file
    try:
        return _buffered(file.read().decode(encoding).encode())
    except UnicodeError as error:
        raise UserError(name, f"begins like {encoding.upper()} but is not valid: {error}") from None


def unpacked(name: str) -> str:
    """A file's name without the ending of a compressed file."""
    return next((name[: -len(end)] for end in PACKED if name.lower().endswith(end)), name)


def _delimiter(file: io.BufferedReader) -> str:
    """What stands between the columns of a CSV file: a comma, or a semicolon or tab if its header has no comma."""
    header = file.peek(2**16).partition(b"\n")[0]
    return next((mark for mark in ",;\t" if mark.encode() in header), ",")


def _csv(file: IO[bytes], name: str, delimiter: str) -> Iterator[Record]:
    """Rows under a header line; a row's number is the line it starts on, even after quoted line breaks."""
    # bytes that are not UTF-8 become lone surrogates, and are reported row by row
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    longest = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(text, strict=True, delimiter=delimiter)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise UserError(f"{name}:1", f"not CSV: {error}") from None
        if _HALF_CHARACTER.search("".join(header)):
            raise UserError(f"{name}:1", "not Unicode: it has bytes that are not UTF-8; save the file as UTF-8")
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
                yield Record(number, {}, "not Unicode: it has bytes that are not UTF-8")
            elif len(fields) != len(header):
                yield Record(number, {}, f"{len(fields)} fields under a header with {len(header)}")
            else:
                yield Record(number, dict(zip(header, fields, strict=True)))
    finally:
        csv.field_size_limit(longest)


def _parquet(file: io.BufferedReader, name: str) -> list[Record]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(name, f"not a readable parquet file: {str(error).splitlines()[0]}") from None
    return [Record(number, row) for number, row in enumerate(rows, start=1)]


def _arrow(file: io.BufferedReader, name: str) -> list[Record]:
    """Rows in Arrow's file format, which Feather uses, or in its stream format, which `datasets` writes."""
    import pyarrow
    import pyarrow.ipc

    opened = pyarrow.ipc.open_file if file.peek(6)[:6] == b"ARROW1" else pyarrow.ipc.open_stream
    try:
        rows = opened(file).read_all().to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(name, f"not a readable arrow file: {str(error).splitlines()[0]}") from None
    return [Record(number, row) for number, row in enumerate(rows, start=1)]
