"""`report.html`: a run's curves, results and examples in one self-contained file, made from its run folder alone."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import jinja2
import matplotlib
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
"""Title, unit, and the metrics of each plot; `{reward}` stands for each reward in the config."""


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
    metrics = read_jsonl(folder.metrics)
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
            figure for figure in (_curve(metrics, *curve, rewards=list(values.rewards)) for curve in CURVES) if figure
        ],
        examples=_examples(folder),
        hacking=hacking.found(
            metrics,
            read_jsonl(folder.evaluations),
            cast(dict[str, Any], OmegaConf.to_container(values)),
        ),
        config=config,
    )
    write_atomically(folder.report, html)
    return folder.report


def _curve(
    metrics: Sequence[dict[str, Any]], title: str, unit: str, names: Sequence[str], *, rewards: Sequence[str]
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
                axes.plot(steps, values, marker="o", markersize=3, label=_label(label))
        if unit == "share":
            axes.set_ylim(-0.02, 1.02)
        axes.set_title(title, loc="left")
        axes.set_xlabel("optimizer steps")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.25)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize=8)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
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
