"""The command `whetstone score`: checks its options, reads completions, scores them, shows and saves the results."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rl.analysis.scoring import saved, show
from rl.errors import UserError
from rl.tasks.columns import named
from rl.terminal import Terminal

WIDTH = 160
"""Width of the tables in characters when the output goes to a file."""
READ = ("completion", "prompt", "gold", "correct", "group")
"""The fields that scoring itself reads; rewards may read further columns."""


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
    """Score a file of completions.

    Args:
        path: the completions: a file, a folder or a hub data set.
        overrides: `key=value` overrides of the config.
        rewards: path of a config; None if the overrides name the rewards.
        out: a `.parquet` file for the table; None to write none.
        html: a file for the page; None to write none.
        columns: `WHAT=NAME` for each column that does not have its usual name.
        verifier: the verifier for rewards that name none; None for the config's own, or math.
        tokenizer: a folder or hub id, for rewards that read token ids.
        skip: whether to leave out, and count, rows that are broken or have no completion.

    Raises:
        UserError: one of the arguments or the data is wrong; nothing has been scored yet.
    """
    settings = saved.settings(rewards, overrides)
    for option, file in (("--out", out), ("--html", html)):
        if file is not None and not Path(file).parent.is_dir():
            raise UserError(option, f"the folder {Path(file).parent} does not exist")
    if out is not None and not out.endswith(".parquet"):
        raise UserError("--out", f"expected a .parquet file, got {out}")
    rows = saved.read(path, _named(columns), skip=skip)
    console = Terminal(width=None if sys.stdout.isatty() else WIDTH)
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
        show.write_scores(html, Path(path).name, rows, scored)
        console.print(f"page:  {html}", highlight=False)


def _named(columns: Sequence[str]) -> dict[str, str]:
    """Field → the column or template that the user names for it."""
    found = named(columns)
    for what in found:
        if what not in READ and (meant := difflib.get_close_matches(what.lower(), READ, n=1, cutoff=0.8)):
            raise UserError("--column", f"scoring reads no {what!r}; did you mean {meant[0]!r}?")
    return found
