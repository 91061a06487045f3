"""`report.html` of a run in stages: the figures after each stage, with links to the reports of the stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from rl.analysis.console import compared, evaluations
from rl.storage.run_folder import write_atomically


def write_stages_report(folder: Path, summaries: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write the report of all stages.

    Args:
        folder: the folder that contains the run folders of the stages.
        summaries: stage → the summary of its run, in order.

    Returns:
        The file.
    """
    measured = evaluations(summaries)
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        (Path(__file__).parent / "stages_report.html.j2").read_text(encoding="utf-8")
    )
    report = folder / "report.html"
    write_atomically(
        report, template.render(name=folder.name, stages=summaries, rows=compared(measured), n=measured[-1]["n"])
    )
    return report
