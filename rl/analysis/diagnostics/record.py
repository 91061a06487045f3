"""The records that diagnostics read, and the findings that they return."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WINDOW = 5
"""Number of log lines at the start and at the end that are compared."""


@dataclass(frozen=True)
class Finding:
    """What a diagnostic says about a run.

    Attributes:
        name: the diagnostic.
        step: the optimizer step of the log line or evaluation at which the problem was first seen.
        message: what is wrong, with its figures.
        remedy: what to change next.
        evidence: the figures behind the finding.
    """

    name: str
    step: int
    message: str
    remedy: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "step": self.step,
            "message": self.message,
            "remedy": self.remedy,
            "evidence": dict(self.evidence),
        }


class Record:
    """What a run has logged so far.

    Args:
        config: the resolved config; its rewards, its mix and the algorithm's name are read.

    Attributes:
        rows: the log lines.
        evaluations: the evaluations.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.rows: list[Mapping[str, Any]] = []
        self.evaluations: list[Mapping[str, Any]] = []
        self._columns: dict[str, list[float]] = defaultdict(list)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a log line, with its `step`."""
        self.rows.append(row)
        for name, value in row.items():
            if value is not None:
                self._columns[name].append(value)

    @property
    def step(self) -> int:
        """The optimizer step of the last log line."""
        return self.rows[-1]["step"]

    @property
    def algorithm(self) -> str:
        """The name of the algorithm."""
        return self.config["algorithm"]["name"]

    @property
    def rewards(self) -> list[str]:
        """Names of the rewards that count; a reward whose weight stays at 0 does not."""
        return [name for name, reward in self.config["rewards"].items() if (reward or {}).get("weight", 1.0) != 0.0]

    def values(self, name: str) -> Sequence[float]:
        """The values of a metric in the order of the log lines; empty if it is not logged."""
        return self._columns.get(name, ())

    def mean(self, name: str, lines: int = WINDOW, *, least: int | None = None) -> float | None:
        """The mean of a metric over its last log lines.

        Args:
            name: the metric.
            lines: number of lines.
            least: the smallest number of lines that must exist; by default `lines`.
        """
        values = self.values(name)[-lines:]
        return statistics.fmean(values) if len(values) >= (lines if least is None else least) else None

    def start(self, name: str, lines: int = WINDOW) -> float | None:
        """The mean of a metric over its first log lines; None while there are fewer than twice as many lines.

        Args:
            name: the metric.
            lines: how many lines.
        """
        values = self.values(name)
        return statistics.fmean(values[:lines]) if len(values) >= 2 * lines else None
