"""Checkpoint folders on disk: sealed with checksums, found again, checked, and deleted.

A folder `checkpoint-N` is complete if its `manifest.json` is there and has the size and SHA-256 of every other file.
Folders get their final names, and are deleted, by a rename, so a crash leaves no partial checkpoint under such a name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from rl.storage.checkpoint_names import numbered, step_of
from rl.storage.run_folder import RunFolder, read_jsonl, sync, write_atomically

MANIFEST = "manifest.json"


def seal(folder: Path) -> None:
    """Write the manifest of a complete checkpoint, and flush all files to disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    entries = {str(f.relative_to(folder)): {"bytes": f.stat().st_size, "sha256": _sha256(f)} for f in files}
    for path in files:
        sync(path)
    write_atomically(folder / MANIFEST, json.dumps(entries, indent=1) + "\n")
    for path in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        sync(path)


def problem(folder: Path) -> str | None:
    """What is wrong with a checkpoint; None if every file is intact."""
    try:
        entries = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"it has no {MANIFEST}"
    except ValueError:
        return f"its {MANIFEST} is broken"
    for name, entry in entries.items():
        file = folder / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != entry["bytes"]:
            return f"{name} has {file.stat().st_size} bytes, not {entry['bytes']}"
        if _sha256(file) != entry["sha256"]:
            return f"{name} was changed after it was written"
    return None


def newest_good(folder: Path, tell: Callable[[str], None]) -> Path | None:
    """The newest intact checkpoint, or None.

    Args:
        folder: the folder of `checkpoint-N` folders.
        tell: called with a message for each damaged checkpoint.
    """
    newest_first = numbered(folder)[::-1]
    for checkpoint in newest_first:
        if (what := problem(checkpoint)) is None:
            return checkpoint
        tell(f"{checkpoint} is broken ({what}); trying the one before it")
    if newest_first:
        tell("no checkpoint is intact, so training starts from the beginning")
    return None


def publish(staged: Path, final: Path, staging: Path) -> None:
    """Give a sealed checkpoint its final name, replacing a damaged checkpoint of that name.

    Args:
        staged: the folder in which it was written.
        final: its final path.
        staging: the folder into which the replaced checkpoint is moved before it is deleted.
    """
    if final.exists():
        _remove(final, staging)
    staged.rename(final)
    sync(final.parent)


def rotate(folder: Path, keep: int, staging: Path, best: Path | None = None) -> None:
    """Delete all checkpoints but the newest ones and the best.

    Args:
        folder: the folder of the checkpoints.
        keep: number of newest checkpoints to keep, 1 or more.
        staging: the folder into which checkpoints are moved before they are deleted.
        best: a checkpoint to keep in addition.
    """
    for checkpoint in numbered(folder)[:-keep]:
        if checkpoint != best:
            _remove(checkpoint, staging)


def best_on_validation(folder: RunFolder) -> Path | None:
    """The checkpoint with the highest greedy accuracy on validation.

    Ties are broken by sampled accuracy, and then in favour of the newest.

    Args:
        folder: the run folder.

    Returns:
        The checkpoint; None if none was evaluated.
    """
    measured = {row["step"]: row for row in read_jsonl(folder.evaluations) if row["split"] == "validation"}
    there = [path for path in numbered(folder.checkpoints) if step_of(path) in measured]

    def accuracy(checkpoint: Path) -> tuple[float, float, int]:
        row = measured[step_of(checkpoint)]
        greedy, sampled = ((row.get(name) or {}).get("value", -1.0) for name in ("greedy", "mean_at_k"))
        return greedy, sampled, step_of(checkpoint)

    return max(there, key=accuracy, default=None)


def _remove(checkpoint: Path, staging: Path) -> None:
    """Delete a checkpoint. It is moved away first, so that a crash leaves no partial checkpoint."""
    doomed = staging / f"old-{checkpoint.name}"
    shutil.rmtree(doomed, ignore_errors=True)
    checkpoint.rename(doomed)
    shutil.rmtree(doomed)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
