"""Trains in stages: consecutive runs, each of which starts from the final policy of the previous one.

A stage is an ordinary run with its own run folder, `runs/NAME/NAME.STAGE/`. The folder above contains the figures of
all stages in `summary.json` and `report.html`, and the last policy as `model`. The same command resumes the interrupted
stage.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console

from rl.analysis.console import stages_finished
from rl.analysis.reports.stages import write_stages_report
from rl.config import Config, dump
from rl.errors import UserError
from rl.storage.run_folder import RunFolder, write_atomically
from rl.terminal import Terminal
from rl.training import train


def train_stages(configs: Mapping[str, Config], *, fresh: bool = False, command: str = "") -> dict[str, Any] | None:
    """Run all stages of a config that are not finished yet.

    Args:
        configs: stage → its checked config, in order.
        fresh: whether to replace the run folders of all stages.
        command: how the run was started, to say how to resume it.

    Returns:
        The summary of all stages, on the main process; None on the others.

    Raises:
        UserError: the input is wrong, or a stage changed from which a later stage has already started.
        KeyboardInterrupt: the run was interrupted; the same command resumes it.
    """
    state = PartialState(cpu=not torch.accelerator.is_available())
    console = Terminal(quiet=not state.is_main_process, soft_wrap=True)
    folders = {stage: RunFolder(config.run_folder) for stage, config in configs.items()}
    if not fresh:
        _refuse_reopened(configs, folders)
    for number, (stage, config) in enumerate(configs.items(), start=1):
        of = f"stage {number} of {len(configs)}, {stage}"
        if not fresh and _is_done(config, folders[stage]):
            console.print(f"{of}: done before", highlight=False)
            continue
        console.print(f"{of}, from {config.policy.model}", highlight=False)
        train(config, fresh=fresh, command=command)
        gc.collect()  # free the policy of this stage before the next one is loaded
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return _finish(folders, console) if state.is_main_process else None


def _is_done(config: Config, folder: RunFolder) -> bool:
    """Whether a stage is finished with the same config, so that there is nothing left to do."""
    return folder.finished and not folder.changes_to(dump(config))


def _refuse_reopened(configs: Mapping[str, Config], folders: Mapping[str, RunFolder]) -> None:
    """Refuse to change a finished stage from whose policy a later stage has started.

    Raises:
        UserError: the config of such a stage changed.
    """
    stages = list(configs)
    for place, stage in enumerate(stages):
        if folders[stage].finished and not _is_done(configs[stage], folders[stage]):
            begun = next((later for later in stages[place + 1 :] if folders[later].config.exists()), None)
            if begun is not None:
                raise UserError(
                    str(folders[stage].path),
                    f"the config of stage {stage} changed, and stage {begun} went on from the policy that it left; "
                    f"--fresh begins all stages anew, another name= starts others",
                )


def _finish(folders: Mapping[str, RunFolder], console: Console) -> dict[str, Any]:
    """Write and print the figures of all stages."""
    summaries = {stage: json.loads(folder.summary.read_text(encoding="utf-8")) for stage, folder in folders.items()}
    last = list(folders.values())[-1]
    above = last.path.parent
    summary = {"name": above.name, "stages": summaries, "model": str(last.model)}
    write_atomically(above / "summary.json", json.dumps(summary, indent=2) + "\n")
    _link(above / "model", last.model)
    stages_finished(console, above, summaries, write_stages_report(above, summaries))
    return summary


def _link(place: Path, target: Path) -> None:
    """Make a link in the folder of the stages to the policy of the last stage."""
    if place.is_symlink():
        place.unlink()
    place.symlink_to(target.relative_to(place.parent), target_is_directory=True)
