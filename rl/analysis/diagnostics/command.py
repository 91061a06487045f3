"""`whetstone diagnose`: what the diagnostics say of run folders, finished or not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rl.analysis.console import warned
from rl.analysis.diagnostics.watch import of_folder
from rl.config import undump
from rl.errors import UserError
from rl.storage.run_folder import RunFolder


def diagnose(run_folders: Sequence[str]) -> None:
    """Print the findings of each run.

    Args:
        run_folders: the run folders.

    Raises:
        UserError: one of them is no run folder.
    """
    folders = [RunFolder(path) for path in run_folders]
    for folder in folders:  # before anything is printed
        if not folder.config.exists():
            raise UserError(str(folder.path), "is not a run folder: it has no config.yaml")
    console = Console(soft_wrap=True)
    for folder in folders:
        watch = of_folder(folder, undump(folder.config.read_text(encoding="utf-8")))
        step = watch.record.rows[-1]["step"] if watch.record.rows else 0
        state = "finished" if folder.finished else "not finished"
        console.print(f"{folder.path}: {state}, step {step}", highlight=False)
        warned(console, [finding.as_dict() for finding in watch.findings])
        for name, what in watch.broken.items():
            console.print(f"the diagnostic {name} broke: {what}", style="red", highlight=False)
