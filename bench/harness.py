"""What the scripts in this folder share: arguments, running `whetstone`, rows of figures, and tables.

The figures of a script are a flat JSON list with one row per run and one line per row, so a repeated run changes one
line, and `pandas.read_json` reads the file. A nested figure is named by its path (`after.greedy`). An interval is
stored as its value and, with `.low` and `.high` appended to the name, its ends.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"
QUIET = ("logging.wandb=disabled", "logging.completions_every=0")
"""Overrides for a run that is made only for its figures."""

WIDE = 200
"""Width of a table that is written to a file or a pipe, in characters."""

NOTHING = "–"
"""A cell of a table without a figure."""

Row = dict[str, Any]


def arguments(
    doc: str | None, *, seeds: Sequence[int] = (), overrides: bool = False, data: bool = False
) -> argparse.ArgumentParser:
    """A parser with the common arguments.

    Args:
        doc: the script's docstring.
        seeds: the default of `--seeds`; if empty, there is no such argument.
        overrides: whether the script passes `key=value` to its runs.
        data: whether the script reads data sets from a folder.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file for the rows; rows of other runs in it stay")
    if seeds:
        parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    if data:
        parser.add_argument("data", type=Path, help="folder of the gzipped JSON lines")
        parser.add_argument("--rows", type=int, help="the first rows of each data set alone")
    if overrides:
        parser.add_argument("overrides", nargs="*", metavar="key=value", help="such as evaluation.n=16, of every run")
    return parser


def whetstone(*given: Any, **environment: str) -> str:
    """Run a command of Whetstone in a separate process, as a user would.

    Args:
        given: the arguments of the command.
        environment: additional environment variables.

    Returns:
        The output of the command.

    Raises:
        SystemExit: the command failed; its output is printed.
    """
    command = [sys.executable, "-m", "whetstone_rl", *map(str, given)]
    variables = {**os.environ, "WANDB_MODE": "disabled", "PYTHONPATH": _with_root(), **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"whetstone {' '.join(map(str, given))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def _with_root() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def flat(figures: Mapping[str, Any], prefix: str = "") -> Row:
    """Flatten nested figures, which are then named by their paths; None values and duplicates are left out."""
    row: Row = {}
    for name, value in figures.items():
        key = prefix + name
        if name == "pass_at":  # pass@1 equals the mean of the samples, and pass@k has its own name
            value = {j: interval for j, interval in value.items() if j not in ("1", str(figures["k"]))}
        if isinstance(value, Mapping):
            inner = flat(value, f"{key}.")
            row |= {key if path == f"{key}.value" else path: figure for path, figure in inner.items()}
        elif value is not None:
            row[key] = value
    return row


def read(file: Path | None) -> list[Row]:
    """The recorded rows; none if the file does not exist."""
    return json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else []


def record(file: Path | None, rows: Iterable[Row], key: Sequence[str]) -> list[Row]:
    """Record rows; a row with the same key as a recorded one replaces it, others are appended.

    Args:
        file: the file; None to write nothing.
        rows: new rows.
        key: the columns that identify a row.

    Returns:
        All rows, including those recorded before.
    """
    known = {tuple(row.get(name) for name in key): row for row in [*read(file), *rows]}
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in known.values())
        file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return list(known.values())


def json_lines(file: Path, most: int | None = None) -> list[Row]:
    """The rows of a gzipped data set, or the first `most` of them."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, most)]


class Table(NamedTuple):
    """A table of text."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table as Markdown, without a final line break."""
        head = [f"| {' | '.join(self.header)} |", "|" + "---|" * len(self.header)]
        return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in self.rows)])

    def show(self) -> None:
        """Print the table."""
        table = RichTable(*self.header)
        for row in self.rows:
            table.add_row(*map(escape, row))
        console = Console()
        if not console.is_terminal:  # its width is unknown
            console.width = WIDE
        console.print(table)


def listed(rows: Iterable[Row], key: str) -> Table:
    """A table of rows with different figures, with one line per figure.

    Args:
        rows: rows of figures.
        key: the column that identifies a row; it is shown before the row's first figure.
    """
    lines = []
    for row in rows:
        figures = [(name, _text(figure)) for name, figure in row.items() if name != key]
        lines += [["" if place else str(row[key]), *line] for place, line in enumerate(figures)]
    return Table([key, "figure", "value"], lines)


def _text(figure: Any) -> str:
    if isinstance(figure, float):
        return f"{figure:,.4g}"
    return f"{figure:,}" if isinstance(figure, int) and not isinstance(figure, bool) else str(figure)
