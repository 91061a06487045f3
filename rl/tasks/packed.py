"""Opens files that may be compressed, by gzip, bzip2 or zstandard."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from pathlib import Path
from typing import IO

PACKED = (".gz", ".bz2", ".zst")
"""Second suffixes of compressed files."""


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed according to its content, not its name.

    Raises:
        Damaged: the compressed file is truncated or broken.
    """
    with path.open("rb") as file:
        start = file.read(4)
    kind = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    if kind is None:
        return path.open("rb")
    try:
        if kind == "zstd":
            import pyarrow

            with pyarrow.OSFile(str(path)) as file, pyarrow.CompressedInputStream(file, "zstd") as stream:
                return io.BytesIO(stream.read())
        return io.BytesIO((gzip if kind == "gzip" else bz2).decompress(path.read_bytes()))
    except (EOFError, ValueError, OSError, zlib.error) as error:
        raise Damaged(kind, str(error)) from None


class Damaged(Exception):
    """A compressed file that is truncated or broken.

    Args:
        kind: its compression.
        why: what is wrong with it.
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


_MARKS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes of a compressed file → its format."""


def unpacked_name(name: str) -> str:
    """The name of a file without the suffix for its compression."""
    return next((name[: -len(end)] for end in PACKED if name.lower().endswith(end)), name)
