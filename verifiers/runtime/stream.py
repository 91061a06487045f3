"""Judges a file of rows into a file of rows, in constant memory: what `whetstone verify` does."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from verifiers.runtime.verifier import Verifier
from verifiers.verdict import Verdict

CHUNK = 2000
"""Rows held at once."""
OTHER_FORMS = (".csv", ".tsv", ".parquet", ".arrow", ".feather", ".bz2", ".xz", ".zst")
"""Endings of files that hold no plain or gzipped JSON lines."""


def verify_file(
    path: str | Path, out: str | Path | None, name: str, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Judge each row of a JSON-lines file and write the rows with their verdicts.

    Args:
        path: JSON lines, one object a row with `prediction`, `gold` and the verifier's own columns; gzipped where the
            name ends in `.gz`. Blank lines are passed over.
        out: where the rows go, each with `status`, `score`, `reason`, `extracted` and `steps` added (a column of that
            name is replaced); gzipped where the name ends in `.gz`. It appears when the whole file has been judged.
            None: only count.
        name: a verifier.
        options: its options, and the pool's limits.

    Returns:
        `rows`, `judged`, `right` (judged with score 1), `abstained`, `failed`, `mean_score` (over the judged rows; None
        where there are none), `first` (`abstained` and `failed` → the number and the reason of the first such row),
        `seconds` and `rows_per_s`.

    Raises:
        ValueError: a bad row, as `file:line: what is wrong`; no row at all; no such verifier or option.
        OSError: a file cannot be read or written.
    """
    verifier = Verifier(name, **(options or {}))
    counts = {"rows": 0, "judged": 0, "right": 0, "abstained": 0, "failed": 0}
    first: dict[str, str] = {}
    total, start = 0.0, time.perf_counter()
    with _written(out) as output:
        rows = _rows(Path(path), verifier)
        while chunk := list(islice(rows, CHUNK)):
            for row, verdict in zip(chunk, verifier(chunk), strict=True):
                counts["rows"] += 1
                counts[verdict.status] += 1
                counts["right"] += verdict.right is True
                if verdict.score is None:
                    first.setdefault(verdict.status, f"row {counts['rows']}: {verdict.reason}")
                total += verdict.score or 0.0
                if output is not None:
                    output.write(json.dumps({**row, **as_fields(verdict)}) + "\n")
        if not counts["rows"]:
            raise ValueError(f"{path} has no rows")
    seconds = time.perf_counter() - start
    return {
        **counts,
        "first": first,
        "mean_score": total / counts["judged"] if counts["judged"] else None,
        "seconds": seconds,
        "rows_per_s": counts["rows"] / seconds if seconds else 0.0,
    }


def as_fields(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the fields that a row gets."""
    return {
        "status": verdict.status,
        "score": verdict.score,
        "reason": verdict.reason,
        "extracted": verdict.extracted,
        "steps": [
            {"start": s.start, "end": s.end, "status": s.status, "score": s.score, "reason": s.reason}
            for s in verdict.steps
        ],
    }


def _rows(path: Path, verifier: Verifier) -> Iterator[dict[str, Any]]:
    """The rows of a file, each checked."""
    if (other := path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower() in OTHER_FORMS:
        raise ValueError(f"{path}: rows are JSON lines, not {other.suffix}; whetstone score reads other forms")
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path}:{number}: a row is a JSON object, not {type(row).__name__}")
            for column in ("prediction", "gold", *verifier.columns):
                if row.get(column) is None:
                    raise ValueError(
                        f"{path}:{number}: the row has no {column!r}; it has: {', '.join(row) or 'nothing'}"
                    )
            if not isinstance(row["prediction"], str):
                raise ValueError(f"{path}:{number}: 'prediction' is a string, not {type(row['prediction']).__name__}")
            yield row


@contextmanager
def _written(out: str | Path | None) -> Iterator[IO[str] | None]:
    """A file to write to that takes its name only when all went well."""
    if out is None:
        yield None
        return
    out = Path(out)
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with gzip.open(partial, "wt") if out.suffix == ".gz" else partial.open("w", encoding="utf-8") as output:
            yield output
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
