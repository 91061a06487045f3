"""Accuracy with its 95% interval, of one run or over the problems of several, as tables show it."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Row

from rl.analysis.intervals import wilson


def interval(row: Row, name: str) -> str:
    """The interval of a run, such as `0.227 [0.167, 0.300]`."""
    return _shown(row[name], row[f"{name}.low"], row[f"{name}.high"])


def pooled(rows: Sequence[Row], name: str, problems: str = "n") -> str:
    """Wilson's interval over the problems of all runs.

    Args:
        rows: a row for each run.
        name: the figure, a share of its problems.
        problems: the figure with their number.
    """
    found = wilson(round(sum(row[name] * row[problems] for row in rows)), sum(row[problems] for row in rows))
    assert found is not None
    return _shown(found.value, found.low, found.high)


def _shown(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
