"""`report.html`: a run's curves, results and examples in one self-contained file, made from its run folder alone."""

from __future__ import annotations

import io
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import jinja2
import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from rl.analysis import hacking
from rl.analysis.console import compared
from rl.errors import UserError
from rl.storage.run_folder import RunFolder, read_jsonl, write_atomically

CURVES = (
    (
        "Accuracy on validation",
        "share",
        ("eval/validation/greedy", "eval/validation/mean_at_k", "eval/validation/chain"),
    ),
    ("Reward while training", "reward", ("rewards/{reward}/mean",)),
    ("Groups whose completions all score the same", "share", ("frac_reward_zero_std",)),
    ("Completion length", "tokens", ("completions/mean_length", "completions/max_length")),
    ("Cut off before the end", "share", ("completions/clipped_ratio",)),
    ("Entropy of the policy", "nats a token", ("entropy",)),
    ("Gradient norm", "", ("grad_norm",)),
    ("Samples of each round", "share", ("rounds/right", "rounds/cut_off", "rounds/hinted")),
    (
        "Right answers by wrong steps, each round",
        "share",
        ("rounds/right_by_wrong_steps", "rounds/hinted_right_by_wrong_steps"),
    ),
    ("Pairs or completions fitted on, each round", "", ("rounds/pairs", "rounds/kept", "rounds/given")),
    ("Log-probability of chosen and of rejected", "nats", ("logps/chosen", "logps/rejected")),
    ("Rewards that abstained or failed", "share", ("rewards/{reward}/abstained", "rewards/{reward}/failed")),
)
"""Title, unit, and the metrics drawn together; `{reward}` stands for each reward in the config."""
Bands = dict[str, dict[int, tuple[float, float]]]
"""Metric → step → the ends of its 95% interval."""


def write_report(path: str | Path) -> Path:
    """Write the report of a run folder, finished or not.

    Args:
        path: the run folder.

    Returns:
        The file.

    Raises:
        UserError: that is no run folder, or what is in it cannot be read.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        runs = sorted(file.parent.name for file in folder.path.glob("*/config.yaml"))
        below = f"; there are runs in it, name one of them: {', '.join(runs)}" if runs else ""
        raise UserError(str(path), f"is not a run folder: it has no config.yaml{below}")
    config = folder.config.read_text(encoding="utf-8")
    metrics, evaluations = read_jsonl(folder.metrics), read_jsonl(folder.evaluations)
    bands = intervals(evaluations)
    try:
        values = OmegaConf.create(config)
        named = [values.name, values.task.name, values.algorithm.name, values.rewards]
    except (YAMLError, OmegaConfBaseException, AttributeError) as error:
        raise UserError(str(folder.config), f"is no run's config: {str(error).strip().splitlines()[0]}") from error
    if None in named:
        raise UserError(str(folder.config), "is no run's config: it lacks name, task, algorithm or rewards")
    try:
        summary = json.loads(folder.summary.read_text(encoding="utf-8")) if folder.finished else None
    except ValueError as error:
        raise UserError(
            str(folder.summary), f"is not JSON: {error}; delete it, and the same command makes it"
        ) from error
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        (Path(__file__).parent / "report.html.j2").read_text(encoding="utf-8")
    )
    html = template.render(
        name=values.name,
        task=values.task.name,
        algorithm=values.algorithm.name,
        summary=summary,
        rows=compared([summary["before"], summary["after"]]) if summary else [],
        curves=[
            figure
            for figure in (_curve(metrics, *curve, rewards=list(values.rewards), bands=bands) for curve in CURVES)
            if figure
        ],
        examples=_examples(folder),
        failing=failing_prompts(folder),
        changes=read_jsonl(folder.config_changes),
        hacking=hacking.found(
            metrics,
            evaluations,
            cast(dict[str, Any], OmegaConf.to_container(values)),
        ),
        config=config,
    )
    write_atomically(folder.report, html)
    return folder.report


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


def failing_prompts(folder: RunFolder, files: int = 20, most: int = 10) -> list[dict[str, Any]]:
    """The train prompts with the lowest mean reward among the last completions on record, with one completion each.

    Args:
        folder: the run folder.
        files: files of completions to look at, the last ones.
        most: prompts to list.

    Returns:
        `prompt`, `n` (completions on record), `reward` (their mean), and the `completion` that came last.
    """
    rewards: dict[str, list[float]] = {}
    latest: dict[str, str] = {}
    for file in sorted(folder.completions.glob("step_*.parquet"))[-files:]:
        for row in pd.read_parquet(file, columns=["prompt", "completion", "reward"]).to_dict("records"):
            if not pd.isna(row["reward"]):
                rewards.setdefault(row["prompt"], []).append(row["reward"])
                latest[row["prompt"]] = row["completion"]
    means = {prompt: statistics.fmean(values) for prompt, values in rewards.items()}
    return [
        {"prompt": prompt, "n": len(rewards[prompt]), "reward": means[prompt], "completion": latest[prompt]}
        for prompt in sorted(means, key=lambda prompt: means[prompt])[:most]
    ]


def _curve(
    metrics: Sequence[dict[str, Any]],
    title: str,
    unit: str,
    names: Sequence[str],
    *,
    rewards: Sequence[str],
    bands: Bands,
) -> str | None:
    """One chart as SVG, or None where the run has logged none of its metrics, or zeros alone for what went wrong."""
    lines = []
    for name in names:
        for reward in rewards if "{reward}" in name else [""]:
            full = name.format(reward=reward)
            points = [(row["step"], row[full]) for row in metrics if row.get(full) is not None]
            if points:
                lines.append((full, points))
    if not lines or (title.startswith("Rewards that") and not any(y for _, points in lines for _, y in points)):
        return None
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": title}):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        for label, points in lines:
            steps, values = zip(*points, strict=True)
            if len(points) > 40:  # with many points, draw them faintly with their running mean on top
                (drawn,) = axes.plot(steps, values, linewidth=0.6, alpha=0.3)
                axes.plot(steps, _smooth(values), color=drawn.get_color(), label=_label(label))
            else:
                (drawn,) = axes.plot(steps, values, marker="o", markersize=3, label=_label(label))
                if (band := bands.get(label)) and all(step in band for step in steps):
                    low, high = zip(*(band[step] for step in steps), strict=True)
                    axes.fill_between(steps, low, high, color=drawn.get_color(), alpha=0.18, linewidth=0)
        if unit == "share":
            axes.set_ylim(-0.02, 1.02)
        axes.set_title(title, loc="left")
        axes.set_xlabel("optimizer steps")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.25)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return svg.getvalue()[svg.getvalue().index("<svg") :]


def _smooth(values: Sequence[float], decay: float = 0.9) -> list[float]:
    """Exponential running mean with bias correction."""
    smooth, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = decay * mean + (1 - decay) * value, decay * weight + (1 - decay)
        smooth.append(mean / weight)
    return smooth


def _label(metric: str) -> str:
    return (
        metric.removeprefix("eval/validation/")
        .removeprefix("completions/")
        .removeprefix("rewards/")
        .removeprefix("rounds/")
        .removeprefix("logps/")
        .replace("_", " ")
    )


def _examples(folder: RunFolder, most: int = 30) -> list[dict[str, Any]]:
    """Test problems with the first and the last recorded answer; those whose verdict changed come first."""
    evaluations = [row for row in read_jsonl(folder.evaluations) if row["split"] == "test"]
    if not evaluations:
        return []
    first, last = evaluations[0], evaluations[-1]
    pairs = [
        {"prompt": old["prompt"], "gold": old["gold"], "before": old, "after": new}
        for old, new in zip(first["examples"], last["examples"], strict=False)
    ]
    pairs.sort(key=lambda pair: pair["before"]["score"] == pair["after"]["score"])
    return pairs[:most]
