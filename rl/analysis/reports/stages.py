"""`report.html` of a run in stages: the figures after each stage, with links to the reports of the stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rl.analysis.reports.page import write_page
from rl.analysis.rows import compared, evaluations


def write_stages_report(folder: Path, summaries: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the report of all stages.

    Args:
        folder: the folder that contains the run folders of the stages.
        summaries: stage → the summary of its run, in order.

    Returns:
        The file.
    """
    measured = evaluations(summaries)
    shown = {"name": folder.name, "stages": summaries, "rows": compared(measured), "n": measured[-1]["n"]}
    return write_page(folder / "report.html", "stages.html.j2", shown)
