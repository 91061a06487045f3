"""Rows of JSON in any layout: an object a line, an array of objects, or objects that take several lines each."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from rl.errors import UserError

ROWS = ("data", "rows", "examples", "instances", "records", "samples", "questions", "problems")
"""Keys under which a file may have its rows, if it is one object around them."""
_MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""


class Record(NamedTuple):
    """One row of a source: its columns, or what is wrong with it."""

    number: int
    """The line on which the row starts, from 1; for formats without lines, the row's number from 1."""
    columns: dict[str, Any]
    broken: str | None = None


def read_json(content: bytes, name: str, *, whole: bool) -> tuple[list[Record], bool]:
    """The rows of a file, and whether their numbers are line numbers.

    Args:
        content: the file's bytes.
        name: the file's name in messages.
        whole: whether the file is meant to be one value and not a value a line, as its name says.

    Raises:
        UserError: it is not JSON, or one object around rows or columns.
    """
    start = content.removeprefix(_MARK).lstrip()
    if start.startswith(b"[") and (whole or not _is_json(start.partition(b"\n")[0])):
        return _array(content, name), False
    if whole and (what := _around(content)) is not None:
        raise UserError(name, what)
    several_lines = start.startswith(b"{") and not _is_json(start.partition(b"\n")[0])
    if several_lines and (records := _over_lines(content)) is not None:
        return records, True
    return list(_lines(io.BytesIO(content))), True


class _Twice(dict):
    """An object with a name that occurs twice in it, of which json would silently keep the last."""

    name: str


class _Names:
    """Makes objects of pairs, and notes the names that occur twice in one.

    Attributes:
        twice: whether there was such a name.
    """

    def __init__(self) -> None:
        self.twice = False

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        names = [name for name, _ in pairs]
        self.twice, marked = True, _Twice(value)
        marked.name = next(name for name in value if names.count(name) > 1)
        return marked

    def record(self, number: int, value: Any) -> Record:
        """A row, which is broken if a name of its own occurs twice; the last of two inside of its values counts.

        Args:
            number: its line or its number.
            value: what is there.
        """
        if isinstance(value, _Twice):
            return Record(number, {}, f"two columns are called {value.name!r}")
        if isinstance(value, dict):
            return Record(number, _unmarked(value) if self.twice else value)
        return Record(number, {}, f"expected a JSON object, got {type(value).__name__}")


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unmarked(one) for name, one in value.items()}
    return [_unmarked(one) for one in value] if isinstance(value, list) else value


def _around(content: bytes) -> str | None:
    """What is wrong with a file that is one object around its rows, or around its columns; None for another file."""
    try:
        value = json.loads(content.removeprefix(_MARK))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    for key in ROWS:
        rows = value.get(key)
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            return f"is one object with its rows in {key!r}; save that list alone, or a row a line"
    tables = [of for of in value.values() if isinstance(of, dict) and of.keys() == set(map(str, range(len(of))))]
    if len(value) > 1 and len(tables) == len(value) and len({len(of) for of in tables}) == 1:
        return "is one object of columns; save a row a line, as pandas does with to_json(orient='records', lines=True)"
    return None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _over_lines(content: bytes) -> list[Record] | None:
    """A sequence of objects in any layout; None if the file is something else."""
    names = _Names()
    decoder, records, place = json.JSONDecoder(object_pairs_hook=names), [], 0
    try:
        text = content.decode("utf-8-sig")
        while place < len(text):
            value, end = decoder.raw_decode(text, place)
            json.dumps(value, ensure_ascii=False).encode()
            records.append(names.record(text.count("\n", 0, place) + 1, value))
            place = next((at for at in range(end, len(text)) if not text[at].isspace()), len(text))
    except (ValueError, RecursionError):
        return None
    return records


def _lines(file: IO[bytes]) -> Iterator[Record]:
    """One object per line; blank lines are skipped."""
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(_MARK)
        if not (line := line.strip()):
            continue
        names = _Names()
        try:
            value = json.loads(line, object_pairs_hook=names)
            if b"\\ud" in line.lower():  # an escape that may be half a character, which no tokenizer accepts
                json.dumps(value, ensure_ascii=False).encode()
        except UnicodeError:
            yield Record(number, {}, "not Unicode: it has bytes or escapes that are not characters")
        except json.JSONDecodeError as error:
            yield Record(number, {}, f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}")
        except (ValueError, RecursionError) as error:
            yield Record(number, {}, f"not JSON: {error}")
        else:
            yield names.record(number, value)


def _array(text: bytes, name: str) -> list[Record]:
    """Rows of a file that is one array of objects; they are numbered by row, because line numbers would say little."""
    names = _Names()
    try:
        values = json.loads(text.removeprefix(_MARK), object_pairs_hook=names)
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeError:
        raise UserError(name, "not Unicode: it has bytes or escapes that are not characters") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{name}:{error.lineno}", f"not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(name, f"not JSON: {error}") from None
    return [names.record(number, value) for number, value in enumerate(values, start=1)]
