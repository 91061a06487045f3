"""Run folders as they are read for pages, plots and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from rl.config import undump
from rl.errors import UserError
from rl.storage.run_folder import RunFolder, read_jsonl

Bands = dict[str, dict[int, tuple[float, float]]]
"""Metric → step → the ends of its 95% interval."""


@dataclass(frozen=True)
class RunRecord:
    """What a run folder has on record, finished or not.

    Attributes:
        folder: the run folder.
        config: the resolved config.
        config_text: the same as YAML, as it stands in the folder.
        metrics: the lines of `metrics.jsonl`, each with its `step`.
        evaluations: the lines of `evaluations.jsonl`.
        summary: of a finished run, with the figures `before` and `after` on test; else None.
    """

    folder: RunFolder
    config: dict[str, Any]
    config_text: str
    metrics: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    summary: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The run's name."""
        return self.config["name"]

    @property
    def bands(self) -> Bands:
        """The 95% intervals of every evaluation."""
        return intervals(self.evaluations)

    def series(self, metric: str) -> list[tuple[int, float]]:
        """The (step, value) of a metric where it was logged and was a number."""
        return [(row["step"], row[metric]) for row in self.metrics if row.get(metric) is not None]


def read_run(path: str | Path) -> RunRecord:
    """Read a run folder.

    Args:
        path: the run folder.

    Raises:
        UserError: that is not a run folder, or what is in it cannot be read.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        runs = sorted(file.parent.name for file in folder.path.glob("*/config.yaml"))
        below = f"; there are runs in it, name one of them: {', '.join(runs)}" if runs else ""
        raise UserError(str(path), f"is not a run folder: it has no config.yaml{below}")
    text = folder.config.read_text(encoding="utf-8")
    return RunRecord(
        folder, _config(folder.config, text), text, read_jsonl(folder.metrics), read_jsonl(folder.evaluations),
        folder.read_summary() if folder.finished else None,
    )  # fmt: skip


def _config(file: Path, text: str) -> dict[str, Any]:
    try:
        values = undump(text)
    except (YAMLError, OmegaConfBaseException) as error:
        raise UserError(str(file), f"is not the config of a run: {str(error).strip().splitlines()[0]}") from error
    sections = ("task", "algorithm", "rewards")
    if (
        not isinstance(values, dict)
        or "name" not in values
        or any(not isinstance(values.get(s), dict) for s in sections)
    ):
        raise UserError(str(file), "is not the config of a run: it lacks name, task, algorithm or rewards")
    return values


def intervals(evaluations: Sequence[Mapping[str, Any]]) -> Bands:
    """The 95% intervals of every evaluation.

    Args:
        evaluations: the lines of `evaluations.jsonl`.

    Returns:
        Metric, as in `metrics.jsonl` → step → the ends of its interval.
    """
    bands: Bands = {}
    for row in evaluations:
        for name, value in row.items():
            if isinstance(value, Mapping) and "low" in value:
                bands.setdefault(f"eval/{row['split']}/{name}", {})[row["step"]] = value["low"], value["high"]
    return bands
