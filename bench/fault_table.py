"""The table of the faults on record (`bench/faults.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Row, Table


def of_faults(rows: Sequence[Row]) -> Table:
    """Each fault with what should be seen and what was."""
    lines = []
    for row in rows:
        seen = row["seen"] if row["held"] else f"**does not hold**: {row['seen']}"
        lines.append([cell.replace("|", "\\|").replace("<", "&lt;") for cell in (row["fault"], row["expected"], seen)])
    return Table(["fault", "expected", "seen"], lines)
