"""The tables of `whetstone eval`: each policy's figures on a task, and each against the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table as RichTable

from rl.analysis.evaluation import Evaluation
from rl.analysis.intervals import Interval
from rl.analysis.measured import Measured
from rl.analysis.rows import ROWS


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        title: what it shows.
        columns: the names of its columns.
        rows: its rows, each with a text for every column.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def for_console(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        """The table in Markdown."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"**{self.title}**\n\n{body}\n"


def tables(measured: Measured) -> list[Table]:
    """The tables of a task: one of all policies, and one that compares them if there are several.

    Args:
        measured: what was measured on the task.
    """
    first, *others = measured.evaluations.values()
    title = f"{measured.task}: {first.n} {first.split} problems"
    names = list(measured.evaluations)
    figures = {model: _figures(measured, model, evaluation) for model, evaluation in measured.evaluations.items()}
    shown = [what for what in figures[names[0]] if any(of[what] for of in figures.values())]
    rows = [[what, *(of[what] for of in figures.values())] for what in shown]
    found = [Table(title, ["share of answers that are …", *names], rows)]
    if others:
        found.append(_compared(measured, names[0]))
    return found


def _figures(measured: Measured, model: str, evaluation: Evaluation) -> dict[str, str]:
    """Description → the figure with its interval; an empty text if there is none."""
    figures: dict[str, str] = {}
    for name, meaning in ROWS.items():
        figures[meaning.format(k=evaluation.k)] = _share(evaluation.metrics.get(name))
        if name == "greedy":
            figures["right and in the form asked for"] = _share(measured.in_form[model])
    for status in ("abstained", "failed"):
        count = evaluation.counts[status]
        figures[f"not judged: the verifier {status}"] = str(count) if count else ""
    return figures


def _compared(measured: Measured, first: str) -> Table:
    columns: list[list[str]] = []
    for model, one in measured.compared.items():
        columns.append(
            [
                _gain(one.gain),
                f"{one.gained} / {one.lost}",
                f"{one.p:.2g}",
                _gain(one.gain_in_form),
                f"{one.gained_in_form} / {one.lost_in_form}",
                f"{one.p_in_form:.2g}",
                _gain(one.gain_in_format),
                _share(one.unread),
                f"{one.was_right} of {one.gained_in_form}",
                _gain(measured.gain_at_k[model]),
            ]
        )
    k = next(iter(measured.evaluations.values())).k
    names = [
        "gain in right answers (reasoning)",
        "  problems gained / lost",
        "  McNemar's p",
        "gain in right answers in the form",
        "  problems gained / lost",
        "  McNemar's p",
        "  of this gain, format alone",
        f"right but not in the form, {first}",
        "gained in the form, right before",
        f"gain in the mean of {k} samples",
    ]
    rows = [[name, *cells] for name, *cells in zip(names, *columns, strict=True) if any(cells)]
    n = ", ".join(str(one.n) for one in measured.compared.values())
    title = f"{measured.task}: against {first} on the same problems ({n})"
    return Table(title, ["", *measured.compared], rows)


def _share(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _gain(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
