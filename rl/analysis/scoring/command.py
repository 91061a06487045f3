"""What `whetstone score` does: checks, reads, scores, shows, writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rl.analysis.scoring import saved, show
from rl.errors import UserError

WIDTH = 160
"""Columns of the tables where output goes to a file."""


def score(
    path: str,
    overrides: Sequence[str],
    *,
    rewards: str | None,
    out: str | None,
    html: str | None,
    columns: Sequence[str],
    verifier: str | None,
    tokenizer: str | None,
    skip: bool,
) -> None:
    """Score a file of completions; the arguments are the command's.

    Raises:
        UserError: anything wrong with them, before anything is scored.
    """
    settings = saved.settings(rewards, overrides)
    for option, file in (("--out", out), ("--html", html)):
        if file is not None and not Path(file).parent.is_dir():
            raise UserError(option, f"there is no folder {Path(file).parent}")
    if out is not None and not out.endswith(".parquet"):
        raise UserError("--out", f"a .parquet file is wanted, got {out}")
    named = dict(_named(column) for column in columns)
    rows = saved.read(path, named, skip=skip)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    progress = Progress(
        TextColumn("scoring"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    bar = progress.add_task("", total=len(rows.rows))
    with progress:
        scored = saved.score_rows(
            rows,
            settings,
            verifier=verifier,
            tokenizer=tokenizer,
            progress=lambda count: progress.advance(bar, count),
        )
    show.show(console, rows, scored)
    if out is not None:
        scored.to_parquet(out)
        console.print(f"table: {out}", highlight=False)
    if html is not None:
        show.write_page(html, Path(path).name, rows, scored)
        console.print(f"page:  {html}", highlight=False)


def _named(column: str) -> tuple[str, str]:
    what, equals, source = column.partition("=")
    if not equals or not what.strip() or not source:
        raise UserError("--column", f"{column!r} is not WHAT=NAME, such as completion=output")
    return what.strip(), source
