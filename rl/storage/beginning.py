"""What a run may begin or resume with, besides its config: a folder of its own, its data, the number of its processes.

A run that resumed with other data or processes would not go on as it began, although its config is the same: the order
of the prompts, the indices in the pool and the completions of a step would be others. So the folder keeps fingerprints
of the data and the number of processes, and a resumed run is held to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rl.errors import UserError
from rl.storage.config_changes import Changes, changes
from rl.storage.run_folder import RunFolder, read_json, write_atomically

PROCESSES = "processes"
MEASURED = ("data.validation", "data.test")
"""Data that only measures; it may change."""
BEFORE_A_CONFIG = (".for_vllm", "lock.json", "spent", "wandb")
"""What a run may leave before its folder has a config."""


def refuse_foreign(folder: RunFolder, *, fresh: bool) -> None:
    """Refuse a folder in which a run would write over, or delete, what no run of its own has left.

    Args:
        folder: the folder of the run.
        fresh: whether what is in it would be deleted.

    Raises:
        UserError: there is such a thing; nothing was changed.
    """
    if not folder.path.is_dir():
        return
    is_run = folder.config.exists() and (folder.completions.is_dir() or not fresh)
    there = sorted(
        path.name
        for path in folder.path.iterdir()
        if path.name not in BEFORE_A_CONFIG and not (path.is_dir() and not any(path.iterdir()))
    )
    if is_run or not there:
        return
    shown = ", ".join(there[:4]) + (f" and {len(there) - 4} more" if len(there) > 4 else "")
    if fresh:
        what = f"is not the folder of a run, and --fresh would delete what is in it: {shown}"
        raise UserError(str(folder.path), f"{what}; give another name= or logging.folder=")
    own = {path.name for path in vars(folder).values() if path.parent == folder.path}
    if mine := [name for name in there if name in own]:
        what = f"has {', '.join(mine)} but no config.yaml, so it is not known what run they are of"
        raise UserError(str(folder.path), f"{what}; move them away, or give another name=")


def check(folder: RunFolder, now: Mapping[str, Any]) -> Changes:
    """Hold a run to the data and the number of processes that the run in its folder began with.

    Args:
        folder: the folder of the run.
        now: `data.SPLIT` and `data.examples` → fingerprints, and `processes`; or some of these.

    Returns:
        What changed of the data that only measures.

    Raises:
        UserError: anything else changed, and there is something to resume.
    """
    if not folder.started_with.exists():
        return {}
    fix = "delete it to resume without holding the run to its data, or --fresh starts it again"
    began = read_json(folder.started_with, fix)
    found = changes({key: began[key] for key in now if key in began}, {key: now[key] for key in now if key in began})
    if not folder.trained:
        found.pop(PROCESSES, None)  # it starts again from the beginning
    fix = "or give another name=, or --fresh to replace it"
    if PROCESSES in found:
        before, after = found[PROCESSES]
        raise UserError(
            str(folder.path),
            f"holds a run on {before} process{'es' if before != 1 else ''}, and a step on {after} would learn from "
            f"another number of completions; start it on as many, {fix}",
        )
    for key in found.keys() - {*MEASURED}:
        part = key.removeprefix("data.")
        before, after = found[key]
        raise UserError(
            str(folder.path), f"holds a run on other data ({part}: {before}, now {after}); restore the data, {fix}"
        )
    return found


def record(folder: RunFolder, now: Mapping[str, Any]) -> None:
    """Record what a run begins with.

    Args:
        folder: the folder of the run.
        now: as for `check`.
    """
    write_atomically(folder.started_with, json.dumps(dict(now), indent=2) + "\n")
