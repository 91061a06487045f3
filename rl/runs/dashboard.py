"""`whetstone dashboard`: a workspace in W&B with a section for each question that people ask of a run.

Its charts are those of the report, under the names that the metrics have in W&B (`rl.runs.trackers.grouped`), so one
workspace shows every run of the project. It is made by wandb-workspaces, an extra of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import wandb

from rl.analysis.reports.report import CURVES, named
from rl.analysis.reports.runs import RunRecord, read_run
from rl.errors import UserError, one_line
from rl.runs.trackers import grouped

COST = {
    "Tokens a second": ("time/tokens_per_second",),
    "Seconds of an optimizer step": ("time/step_time",),
    "Seconds of a draw": ("time/sampling", "time/judging", "time/critic"),
}
"""Title → the metrics that show what a run costs, by their names in W&B."""


def workspace(run: RunRecord, entity: str) -> Any:
    """The workspace, not saved yet.

    Args:
        run: the run that is pinned in it; its rewards have charts.
        entity: the user or team in W&B.

    Returns:
        A `wandb_workspaces.workspaces.Workspace`.
    """
    import wandb_workspaces.reports.v2 as parts  # pyright: ignore[reportMissingImports]  # an extra
    import wandb_workspaces.workspaces as spaces  # pyright: ignore[reportMissingImports]  # as above

    def lines(title: str, metrics: Sequence[str]) -> Any:
        return parts.LinePlot(title=title, x="step", y=list(metrics), ignore_outliers=False)

    asked = {
        question: {curve.title: [grouped(name) for name in named(run, curve.metrics)] for curve in charts}
        for question, charts in CURVES.items()
    }
    sections = [
        spaces.Section(
            name=question, panels=[lines(title, metrics) for title, metrics in charts.items() if metrics], is_open=True
        )
        for question, charts in asked.items()
    ]
    cost = [lines(title, metrics) for title, metrics in COST.items()]
    sections.append(spaces.Section(name="What does it cost?", panels=cost, is_open=True))
    table = parts.WeavePanelSummaryTable(table_name="completions")
    sections.append(spaces.Section(name="What does it say?", panels=[table], is_open=True))
    return spaces.Workspace(
        entity=entity,
        project=run.config["logging"]["project"],
        name="Whetstone",
        sections=sections,
        settings=spaces.WorkspaceSettings(x_axis="step", max_runs=10),
        runset_settings=spaces.RunsetSettings(pinned_runs=[run.folder.wandb_id.read_text(encoding="utf-8").strip()]),
        auto_generate_panels=False,
    )


def save_workspace(path: str | Path, entity: str | None = None) -> str:
    """Save the workspace of a run's project as a view of its own in W&B.

    Args:
        path: the run folder.
        entity: the user or team in W&B; by default the one that is logged in.

    Returns:
        Its address.

    Raises:
        UserError: the run was not logged to W&B, wandb-workspaces is missing, or W&B cannot be reached.
    """
    if find_spec("wandb_workspaces") is None:
        raise UserError("whetstone dashboard", "needs wandb-workspaces; pip install 'whetstone-rl[dashboard]'")
    run = read_run(path)
    if not run.folder.wandb_id.exists():
        raise UserError(str(path), "was not logged to W&B; set logging.wandb to online or offline for the next run")
    try:
        made = workspace(run, entity or wandb.Api().default_entity or "")
        return made.save().url
    except (wandb.Error, OSError, ValueError) as error:
        what = f"the workspace was not saved ({one_line(error)}); run `wandb login`, then try again"
        raise UserError("W&B", what) from error
