"""`whetstone diagnose`: what the diagnostics say about run folders, finished or not."""

from __future__ import annotations

from collections.abc import Sequence

from rl.analysis.console import warned
from rl.analysis.diagnostics.watch import replayed
from rl.analysis.reports.runs import read_run
from rl.terminal import Terminal


def diagnose(run_folders: Sequence[str]) -> None:
    """Print the findings of each run.

    Args:
        run_folders: the run folders.

    Raises:
        UserError: one of them is not a run folder, or what is in it cannot be read.
    """
    runs = [read_run(path) for path in run_folders]  # before anything is printed
    console = Terminal(soft_wrap=True)
    for run in runs:
        watch = replayed(run.metrics, run.evaluations, run.config)
        step = run.metrics[-1]["step"] if run.metrics else 0
        state = "not finished" if run.summary is None else "finished"
        console.print(f"{run.folder.path}: {state}, step {step}", highlight=False)
        warned(console, [finding.as_dict() for finding in watch.findings])
        for name, what in watch.broken.items():
            console.print(f"the diagnostic {name} broke: {what}", style="red", highlight=False)
