"""`whetstone export`: the policy of a finished run in a folder that transformers loads, with a model card.

A policy with full weights is copied. An adapter is copied too, or with `merge` merged into its base, so that the folder
stands alone. GGUF is not written, because transformers can only read it; llama.cpp's `convert_hf_to_gguf.py` makes it
from a folder that stands alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import PeftModel

from rewards.models.adapters import CONFIG_FILE, adapter_config, base_of
from rewards.models.folder import fault
from rewards.models.load import load as load_model
from rl.analysis.model_card import model_card
from rl.config import load_recorded
from rl.errors import UserError
from rl.storage.run_folder import RunFolder

CARD = "README.md"
OF_THE_TRAINER = ("training_args.bin", CARD)
"""Files beside a trained policy that are not part of it."""


def export(run: str | Path, to: str | Path, *, merge: bool = False, force: bool = False) -> Path:
    """Write the policy of a run, its tokenizer, its config and a model card into a folder.

    Args:
        run: the folder of a finished run, or of finished stages, whose last policy is exported.
        to: where to write; a new folder, or an empty one.
        merge: whether to merge an adapter into its base model.
        force: whether to replace a model that is in `to`.

    Returns:
        The folder.

    Raises:
        UserError: there is no such run, it is not finished, `to` is taken, or the base to merge with is gone.
    """
    folder, target = _finished(Path(run)), Path(to)
    _refuse_taken(target, folder, force=force)
    config = load_recorded(folder.config)
    summary = folder.read_summary()
    adapter = adapter_config(folder.model)
    base = config.policy.model if adapter is None else base_of(folder.model, adapter)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise UserError("--to", f"{target} cannot be written: {error.strerror}") from error
    try:
        if adapter is not None and merge:
            _merge(folder.model, draft)
        else:
            _copy(folder.model, draft, adapter and {**adapter, "base_model_name_or_path": base})
        shutil.copyfile(folder.config, draft / "whetstone.yaml")
        card = model_card(config, summary, base=base, folder=target.name, adapter=adapter is not None and not merge)
        (draft / CARD).write_text(card, encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _finished(run: Path) -> RunFolder:
    """The folder of the run whose policy is exported.

    Raises:
        UserError: it is not a finished run.
    """
    if (run / "model").is_symlink() and not (run / "config.yaml").exists():  # stages link to the last policy
        run = (run / "model").resolve().parent
    folder = RunFolder(run)
    if not folder.config.is_file():
        raise UserError(str(run), "is not a run folder: it has no config.yaml; name a folder that whetstone train made")
    again = "run the same whetstone train command again to finish it"
    if not folder.finished:
        checkpoint = folder.last_checkpoint()
        left = "has saved nothing yet" if checkpoint is None else f"has reached {checkpoint.name}"
        raise UserError(str(run), f"is a run that is not finished: it {left}; {again}")
    if not folder.model.is_dir():
        raise UserError(str(run), f"is finished, but its {folder.model.name}/ is gone; train it again with --fresh")
    if (what := fault(folder.model)) is not None:
        raise UserError(str(folder.model), f"{what}; train it again with --fresh")
    return folder


def _refuse_taken(target: Path, run: RunFolder, *, force: bool) -> None:
    """Refuse a target that holds something else.

    Raises:
        UserError: it is a file or a folder that is not empty, and not a model to replace.
    """
    if target.resolve() == run.path.resolve() or target.resolve() in run.path.resolve().parents:
        raise UserError("--to", f"{target} is the run folder or contains it; name another folder")
    if target.is_file() or target.is_symlink():
        raise UserError("--to", f"{target} is not a folder")
    if not target.is_dir() or not any(target.iterdir()):
        return
    if not force:
        raise UserError("--to", f"{target} is not empty; --force replaces a model in it")
    if not any((target / name).is_file() for name in ("config.json", CONFIG_FILE)):
        raise UserError("--to", f"{target} holds something other than a model, which --force leaves alone")


def _copy(model: Path, to: Path, adapter: Mapping[str, Any] | None) -> None:
    """Copy a policy; the config of an adapter then names its base by an absolute path or a hub id."""
    for file in model.iterdir():
        if file.name not in OF_THE_TRAINER and file.is_file():
            shutil.copyfile(file, to / file.name)
    if adapter is not None:
        (to / CONFIG_FILE).write_text(json.dumps(adapter, indent=2) + "\n", encoding="utf-8")


def _merge(model: Path, to: Path) -> None:
    try:
        loaded = load_model(model)
    except ValueError as error:  # its base model is gone
        raise UserError("--merge", str(error)) from error
    assert isinstance(loaded.model, PeftModel), "the folder holds an adapter"
    whole = loaded.model.merge_and_unload()
    whole.save_pretrained(to)
    loaded.tokenizer.save_pretrained(to)
