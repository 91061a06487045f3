"""Several runs beside each other, as one self-contained page or, in a notebook, in parts.

Runs of the same config with different seeds are one variant, drawn as the mean over its runs in a band from the lowest
to the highest; a variant of one run has the 95% intervals of its evaluations.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rl.analysis.reports.curves import COLOURS, MANY, Line, chart, dots, smooth
from rl.analysis.reports.page import refuse_nowhere, write_page
from rl.analysis.reports.runs import RunRecord, read_run
from rl.analysis.rows import ROWS
from rl.errors import UserError
from rl.storage.config_changes import NOT_SET, flat

EMPTY = (None, [], {}, "")
NOT_COMPARED = ("name", "seed", "logging.")
"""Keys in which runs of one variant may differ, and which say nothing about how it trains."""
CURVES = (
    ("Right answers on validation, greedy", "share", "eval/validation/greedy"),
    ("Right by right steps alone, validation", "share", "eval/validation/chain"),
    ("Right answers on validation, sampled", "share", "eval/validation/mean_at_k"),
    ("Reward while training", "reward", "reward"),
    ("Completion length", "tokens", "completions/mean_length"),
    ("Entropy of the policy", "nats per token", "entropy"),
    ("Groups whose completions all have the same reward", "share", "frac_reward_zero_std"),
    ("Gradient norm", "", "grad_norm"),
)
"""Title, unit, metric."""


@dataclass(frozen=True)
class Variant:
    """Runs of one config with different seeds.

    Attributes:
        label: what a page calls it.
        runs: one or more runs.
    """

    label: str
    runs: Sequence[RunRecord]

    def line(self, metric: str) -> Line | None:
        """A metric over the steps: the mean of the runs where all of them have it, in the band that they span.

        Args:
            metric: as in `metrics.jsonl`.

        Returns:
            None where no step has it in all runs.
        """
        if len(self.runs) == 1:
            (run,) = self.runs
            points = run.series(metric)
            return Line(self.label, points, run.bands.get(metric, {})) if points else None
        of_runs = [dict(_smoothed(run.series(metric))) for run in self.runs]
        steps = sorted(set.intersection(*(set(of_one) for of_one in of_runs)))
        at = {step: [of_one[step] for of_one in of_runs] for step in steps}
        points = [(step, statistics.fmean(values)) for step, values in at.items()]
        band = {step: (min(values), max(values)) for step, values in at.items()}
        return Line(self.label, points, band, smooth=False) if points else None

    def figure(self, metric: str, when: str = "after") -> tuple[float, float, float] | None:
        """A figure on test: (value, low, high).

        The ends are those of the 95% interval for one run, and the lowest and the highest for several.

        Args:
            metric: such as `greedy`.
            when: `before` or `after` training.

        Returns:
            None where a run is not finished or did not measure it.
        """
        found = [of_run for run in self.runs if run.summary and (of_run := run.summary[when].get(metric))]
        if len(found) < len(self.runs):
            return None
        if len(found) == 1:
            return found[0]["value"], found[0]["low"], found[0]["high"]
        values = [one["value"] for one in found]
        return statistics.fmean(values), min(values), max(values)


def variants(runs: Sequence[RunRecord]) -> list[Variant]:
    """The runs by their configs, in the order in which each config comes first.

    Args:
        runs: the runs.
    """
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(repr(sorted(_trains(run.config).items())), []).append(run)
    names = [_name(group) for group in groups.values()]
    return [
        Variant(name if names.count(name) == 1 else f"{name} ({group[0].folder.path})", group)
        for name, group in zip(names, groups.values(), strict=True)
    ]


def differences(compared: Sequence[Variant]) -> dict[str, list[Any]]:
    """The keys of the configs that differ: key → its value in each variant; `NOT_SET` where it has none, or is empty.

    Args:
        compared: the variants.
    """
    configs = [_trains(variant.runs[0].config) for variant in compared]
    keys = dict.fromkeys(key for config in configs for key in config)
    values = {key: [NOT_SET if config.get(key) in EMPTY else config[key] for config in configs] for key in keys}
    return {key: of_all for key, of_all in values.items() if any(value != of_all[0] for value in of_all)}


def drawn(compared: Sequence[Variant]) -> list[str]:
    """Every metric of `CURVES` that any variant has, with the variants over one another, as SVG."""
    charts = []
    for title, unit, metric in CURVES:
        found = [(variant.line(metric), COLOURS[n % len(COLOURS)]) for n, variant in enumerate(compared)]
        if lines := [replace(line, colour=colour) for line, colour in found if line]:
            charts.append(chart(title, unit, lines))
    return charts


def figures(compared: Sequence[Variant]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """The figures on test after training: metric → variant → (value, low, high), where it was measured."""
    measured = {
        metric: {variant.label: found for variant in compared if (found := variant.figure(metric)) is not None}
        for metric in ROWS
    }
    return {metric: of_variants for metric, of_variants in measured.items() if of_variants}


def write_comparison(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Write the page that compares runs.

    Args:
        paths: two or more run folders.
        out: the file to write.

    Raises:
        UserError: one is not a run folder or is named twice, or the file cannot be written.
    """
    twice = next(
        (path for path in paths if sum(Path(path).resolve() == Path(one).resolve() for one in paths) > 1), None
    )
    if twice is not None:
        raise UserError(str(twice), "is named twice; a run is compared with others")
    refuse_nowhere(Path(out))
    runs = [read_run(path) for path in paths]
    compared = variants(runs)
    on_test = figures(compared)
    values = {
        "name": " · ".join(variant.label for variant in compared),
        "variants": compared,
        "tasks": {run.config["task"]["name"] for run in runs},
        "k": max((run.summary["after"]["k"] for run in runs if run.summary), default=0),
        "rows": ROWS,
        "figures": on_test,
        "intervals": [dots(_first_upper(ROWS["greedy"]), "share of test problems", on_test["greedy"])]
        if "greedy" in on_test
        else [],
        "curves": drawn(compared),
        "differences": differences(compared),
        "versions": _versions(runs),
    }
    return write_page(Path(out), "comparison.html.j2", values)


def _trains(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that decide how a config trains and is measured, but for the seed."""
    return {key: value for key, value in flat(config).items() if not key.startswith(NOT_COMPARED)}


def _name(runs: Sequence[RunRecord]) -> str:
    """The runs' name without what tells their seeds apart, and how many they are."""
    names = [run.name for run in runs]
    if len(runs) == 1:
        return names[0]
    length = next((at for at, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), len(names[0]))
    shared = names[0] if len(set(names)) == 1 else re.sub(r"[-_.]+(seed|s)?\d*$", "", names[0][:length])
    return f"{shared or names[0]} ({len(runs)} runs)"


def _smoothed(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    if len(points) <= MANY:
        return list(points)
    return list(zip((step for step, _ in points), smooth([value for _, value in points]), strict=True))


def _versions(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Package → its version, or all versions where the runs differ."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for package, version in (run.summary or {}).get("versions", {}).items():
            found.setdefault(package, {})[version] = None
    return {package: ", ".join(versions) for package, versions in found.items()}


def _first_upper(text: str) -> str:
    return text[0].upper() + text[1:]
