"""Shows the results of `whetstone score`: tables in the terminal, and a page with plots and marked steps."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from rewards.prototyping.table import Scored
from rl.analysis.reports.page import write_page
from rl.analysis.scoring.saved import Rows

MEANINGS = {
    "summary": "n: completions with a value. abstained, failed: shares without one; neither counts as 0. no_signal: "
    "prompts whose several completions all have the same value, so GRPO learns nothing from them.",
    "agreement": "auc: how often a right completion scores higher than a wrong one, ties counting half; 0.5 is chance. "
    "ranked: the same within prompts; pairs: the number of pairs compared. r: correlation with being right.",
    "correlation": "n: completions for which both have a value. Two rewards with a high correlation are redundant.",
}


def tables(scored: Scored) -> dict[str, pd.DataFrame]:
    """`summary`; `agreement`, if the data says which completions are right; `correlation`, if rewards are several."""
    found = {"summary": scored.summary().reset_index()}
    if scored.truth is not None and not (agreement := scored.agreement().reset_index()).empty:
        found["agreement"] = agreement
    if len(scored.parts) > 1:
        found["correlation"] = scored.correlation()
    return found


def title(name: str, scored: Scored) -> str:
    """The title of a table.

    Args:
        name: a key of what `tables` returns.
        scored: the scored completions.
    """
    if name == "agreement":
        return f"agreement with {scored.truth}"
    return {"summary": "each reward", "correlation": "pairs of rewards"}[name]


def counted(rows: Rows, scored: Scored) -> list[str]:
    """Lines that say what was read and what was left out.

    Args:
        rows: the rows read.
        scored: the scored completions.
    """
    groups = len(set(scored.frame["group"]))
    lines = [f"{_number(len(scored.frame), 'completion')} of {_number(groups, 'prompt')}"]
    read = (what if what == source else f"{what} from {source}" for what, source in rows.columns.items())
    lines.append(f"read: {', '.join(read)}")
    if rows.without:
        lines.append(f"left out: {_number(rows.without, 'row')} without a completion")
    if rows.repeated:
        lines.append(f"left out: {rows.repeated:,} rows that repeat a completion under another filter")
    if rows.broken:
        lines.append(f"left out: {_number(rows.broken, 'row')} that could not be read")
    return lines


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}" if count == 1 else f"{count:,} {of}s"


def failures(scored: Scored) -> list[str]:
    """For each reward that failed: how often, and the first row it failed on with the error; rows count from 0."""
    return [
        f"{name} failed on {_number(len(part.failures), 'completion')}; row {min(part.failures)}: "
        f"{part.failures[min(part.failures)]}"
        for name, part in scored.parts.items()
        if part.failures
    ]


def show(console: Console, rows: Rows, scored: Scored) -> None:
    """Print the tables.

    Args:
        console: the console to print to.
        rows: the rows read.
        scored: the scored completions.
    """
    for line in counted(rows, scored):
        console.print(line, highlight=False, markup=False)
    for name, frame in tables(scored).items():
        table = Table(title=title(name, scored), title_justify="left", caption=MEANINGS[name], caption_justify="left")
        for column in frame.columns:
            table.add_column(column, justify="left" if column in ("reward", "other") else "right", no_wrap=True)
        for values in frame.itertuples(index=False):
            table.add_row(*map(cell, values))
        console.print()
        console.print(table)
    if scored.truth is None:
        console.print("\nNothing says which completions are right: add a correctness reward, or --column correct=NAME.")
    for line in failures(scored):
        console.print(line, highlight=False, markup=False, style="yellow")


def cell(value: Any) -> str:
    """A table value as text; a dash for NaN."""
    if isinstance(value, str):
        return value
    if value != value:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def write_scores(path: str | Path, name: str, rows: Rows, scored: Scored, examples: int = 20) -> None:
    """Write a self-contained page: the tables, plots, and completions with their steps marked.

    Args:
        path: the file to write.
        name: name of the scored data, for the title.
        rows: the rows read.
        scored: the scored completions.
        examples: number of completions to show from each end of the mixed reward, the lowest and the highest.
    """
    picture = io.BytesIO()
    scored.plot().savefig(picture, format="png", dpi=110, transparent=True)
    mixed: Any = scored.frame[scored.rewards[-1]].dropna()
    order = list(mixed.sort_values(kind="stable").index)
    chosen = list(dict.fromkeys([*reversed(order[-examples:]), *order[:examples]]))
    shown = ["prompt", "completion", "gold", "correct", *scored.rewards, "abstained", "failed"]
    table = scored.frame.loc[chosen, [column for column in shown if column in scored.frame]]
    for column in table.select_dtypes(["object", "string"]):
        table[column] = ["–" if value is None or value != value else _cut(str(value)) for value in table[column]]
    values = {
        "name": name,
        "lines": [*counted(rows, scored), *failures(scored)],
        "tables": [(title(n, scored), MEANINGS[n], _cells(frame)) for n, frame in tables(scored).items()],
        "plot": base64.b64encode(picture.getvalue()).decode(),
        "steps": scored.steps(chosen)._repr_html_() if any(part.steps for part in scored.parts.values()) else None,
        "examples": _cells(table),
        "count": len(chosen),
    }
    write_page(Path(path), "scores.html.j2", values)


def _cut(text: str, most: int = 1500) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


def _cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The header and the rows as texts."""
    return list(frame.columns), [[cell(value) for value in row] for row in frame.itertuples(index=False)]
