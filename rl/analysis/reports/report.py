"""`report.html`: a run's curves, results and examples in one self-contained file, made from its run folder alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from rl.analysis import hacking
from rl.analysis.diagnostics.watch import replayed
from rl.analysis.reports.curves import Line, bars, chart
from rl.analysis.reports.page import refuse_nowhere, write_page
from rl.analysis.reports.phases import seconds_by_phase
from rl.analysis.reports.runs import RunRecord, read_run
from rl.analysis.reports.samples import examples, failing
from rl.analysis.rows import compared
from rl.config.defaults import unlike_defaults
from rl.storage.run_folder import read_jsonl


class Curve(NamedTuple):
    """A chart of a report.

    Attributes:
        title: the title above it.
        unit: the unit of its values.
        metrics: the metrics that are drawn together; `{reward}` stands for each reward of the config, and `*` for every
            part of a name that the run recorded.
        if_any: whether it is left out if all its values are 0.
    """

    title: str
    unit: str
    metrics: tuple[str, ...]
    if_any: bool = False


CURVES = {
    "Is it learning?": (
        Curve("Accuracy on validation", "share",
              ("eval/validation/greedy", "eval/validation/mean_at_k", "eval/validation/chain")),
        Curve("Within reach: right in any of k samples, or by their vote", "share",
              ("eval/validation/pass_at_k", "eval/validation/maj_at_k")),
    ),
    "What does it earn?": (
        Curve("Reward while training", "reward", ("rewards/{reward}/mean",)),
        Curve("Share of the advantage's variance", "share", ("rewards/{reward}/variance_share",)),
        Curve("Rewards that abstained or failed", "share",
              ("rewards/{reward}/abstained", "rewards/{reward}/failed"), if_any=True),
    ),
    "Where is the signal lost?": (
        Curve("Groups whose completions all have the same reward", "share",
              ("frac_reward_zero_std", "rewards/{reward}/no_signal")),
        Curve("Groups left out because all are right, or all wrong", "share",
              ("dynamic_sampling/all_right", "dynamic_sampling/all_wrong")),
        Curve("Completion length", "tokens", ("completions/mean_length", "completions/max_length")),
        Curve("Cut off before the end", "share", ("completions/clipped_ratio",)),
    ),
    "Is it stable?": (
        Curve("Entropy of the policy", "nats per token", ("entropy",)),
        Curve("Gradient norm", "", ("grad_norm",)),
        Curve("Divergence from the reference, and over a draw", "nats per token", ("kl", "ppo/approx_kl")),
        Curve("Tokens whose ratio is clipped", "share", ("clip_ratio/region_mean", "ppo/clip_fraction")),
        Curve("Variance that the critic explains", "", ("critic/explained_variance",)),
        Curve("Log-probability of chosen and of rejected", "nats", ("logps/chosen", "logps/rejected")),
    ),
    "What did the rounds draw?": (
        Curve("Samples of each round", "share", ("rounds/right", "rounds/cut_off", "rounds/hinted")),
        Curve("Right answers by wrong steps in each round", "share",
              ("rounds/right_by_wrong_steps", "rounds/hinted_right_by_wrong_steps")),
        Curve("Pairs or completions of each fit", "", ("rounds/pairs", "rounds/kept", "rounds/given")),
        Curve("Problems for which each strategy is best", "share", ("rounds/best/*",)),
        Curve("Labels of steps, and their reward model, against the verifier", "AUC",
              ("process/labels_auc", "process/step_auc")),
        Curve("Lowest value of a reward with the best control token", "reward", ("control/*/best_from",)),
    ),
}  # fmt: skip
"""Question → the charts that answer it, in the order of the metrics page."""
DROPPED = (
    "eval/validation/", "completions/", "rewards/", "rounds/", "best/", "logps/", "dynamic_sampling/", "process/",
    "control/",
)  # fmt: skip
"""Beginnings of names of metrics that legends leave out."""


def write_report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run folder, finished or not.

    Args:
        path: the run folder.
        out: the file to write; by default `report.html` in the run folder.

    Returns:
        The file.

    Raises:
        UserError: the path is not a run folder, its records cannot be read, or the file's folder is missing.
    """
    if out is not None:
        refuse_nowhere(Path(out))
    run = read_run(path)
    summary, phases = run.summary, seconds_by_phase(run)
    diagnosed = replayed(run.metrics, run.evaluations, run.config)
    values = {
        "name": run.name,
        "task": run.config["task"]["name"],
        "algorithm": run.config["algorithm"]["name"],
        "summary": summary,
        "rows": compared([summary["before"], summary["after"]]) if summary else [],
        "findings": diagnosed.findings,
        "broken": diagnosed.broken,
        "hacking": hacking.found(run.metrics, run.evaluations, run.config),
        "curves": curves(run),
        "phases": bars("Seconds by phase", "seconds", phases) if phases else None,
        "failing": failing(run.folder),
        "examples": examples(run.evaluations),
        "changes": read_jsonl(run.folder.config_changes),
        "settings": _settings(run),
        "config": run.config_text,
    }
    return write_page(run.folder.report if out is None else Path(out), "report.html.j2", values)


def curves(run: RunRecord) -> dict[str, list[str]]:
    """The charts for which a run has records, as SVG, by the question that they answer."""
    drawn = {question: [_drawn(run, curve) for curve in charts] for question, charts in CURVES.items()}
    return {question: there for question, charts in drawn.items() if (there := [one for one in charts if one])}


def named(run: RunRecord, metrics: Sequence[str]) -> list[str]:
    """The names that stand for metrics in a run: `{reward}` is each of its rewards, and `*` whatever it recorded there.

    Args:
        run: the run.
        metrics: as those of a `Curve`.
    """
    recorded = list(dict.fromkeys(name for row in run.metrics for name in row))
    names: list[str] = []
    for metric in metrics:
        if "*" in metric:
            names += fnmatch.filter(recorded, metric)
        else:
            rewards = run.config["rewards"] if "{reward}" in metric else [""]
            names += [metric.format(reward=reward) for reward in rewards]
    return names


def _drawn(run: RunRecord, curve: Curve) -> str | None:
    bands = run.bands
    names = named(run, curve.metrics)
    lines = [Line(_label(name), run.series(name), bands.get(name, {})) for name in names if run.series(name)]
    if not lines or (curve.if_any and not any(value for line in lines for _, value in line.points)):
        return None
    return chart(curve.title, curve.unit, lines)


def _label(metric: str) -> str:
    for start in DROPPED:
        metric = metric.removeprefix(start)
    return metric.removesuffix("/mean").replace("_", " ")


def _settings(run: RunRecord) -> Sequence[tuple[str, Any, Any]] | None:
    """(key, default, value) of what the config sets; None if it is of another version."""
    try:
        return [(key, *pair) for key, pair in unlike_defaults(run.config).items()]
    except ValidationError:
        return None
