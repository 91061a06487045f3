"""What a model's folder holds, looked at without loading it. Imports without torch."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from rewards.models.adapters import CONFIG_FILE, base_of

CONFIG = "config.json"
WEIGHTS = "*.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
"""Files of weights that are not read, because loading a pickle can run code."""
OF_THE_TRAINER = "training_args.bin"
"""What transformers' Trainer leaves beside weights."""
NAMED_WEIGHTS = "transformers_weights"
"""The key of `config.json` under which transformers looks for weights of another name."""
LFS_POINTER = b"version https://git-lfs"


def fault(name: str | Path) -> str | None:
    """Why a file or folder cannot be loaded as a model.

    Args:
        name: a folder, of a model or of an adapter. A hub id, or anything else that is not here, has no fault.

    Returns:
        What is wrong, to be read after the name; None where nothing is seen to be.
    """
    folder = Path(name).expanduser()
    if folder.suffix == ".gguf" or (folder.is_dir() and not _any(folder, "*.json") and _any(folder, "*.gguf")):
        return "is GGUF, which can be run but not trained; name the folder or hub id of its safetensors weights"
    if folder.is_file():
        return "is a file; a model's folder is needed"
    if not folder.is_dir():
        return None
    if (folder / CONFIG_FILE).is_file():
        return _adapter_fault(folder)
    if not (folder / CONFIG).is_file():
        trained = folder / "model"  # where a run leaves its policy
        meant = f"; the run's policy is {str(trained)!r}" if trained.is_dir() else ""
        return f"holds no model: it has no {CONFIG}{meant}"
    if (what := _json_fault(folder / CONFIG)) is not None:
        return what
    named = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get(NAMED_WEIGHTS)
    if named is not None and not str(named).endswith((".safetensors", ".safetensors.index.json")):
        return f"has its weights in {str(named)!r}, which is no safetensors file"
    return _weights_fault(folder, WEIGHTS)


def header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file: name of a tensor → its `shape`, `dtype` and `data_offsets`.

    Raises:
        ValueError: the file is cut off, or is none.
    """
    with file.open("rb") as source:
        start = source.read(len(LFS_POINTER))
        if start == LFS_POINTER:
            raise ValueError("is a Git LFS pointer, not the weights; fetch them with `git lfs pull`")
        if len(start) < 8:
            raise ValueError("is cut off or no safetensors file")
        (length,) = struct.unpack("<Q", start[:8])
        source.seek(8)
        size = file.stat().st_size
        text = source.read(length) if length <= size else b""
    try:
        tensors: dict[str, Any] = json.loads(text)
    except ValueError:
        raise ValueError("is cut off or no safetensors file") from None
    tensors.pop("__metadata__", None)
    whole = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    if size < whole:
        raise ValueError(f"is cut off: it has {size:,} bytes of {whole:,}")
    return tensors


def in_hub_cache(name: str) -> Path | None:
    """The folder of a model in the hub's cache; None if it was not downloaded.

    Args:
        name: a hub id.

    Raises:
        huggingface_hub.errors.HFValidationError: no model on the hub can have this name.
    """
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(name, "config.json")
    return Path(cached).parent if isinstance(cached, str) else None


def _adapter_fault(folder: Path) -> str | None:
    if (what := _json_fault(folder / CONFIG_FILE)) is not None:
        return what
    if (what := _weights_fault(folder, "adapter_model.safetensors")) is not None:
        return what
    try:
        base = base_of(folder, json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
    except ValueError:
        return f"is an adapter that does not say which model it is of: {CONFIG_FILE} has no base_model_name_or_path"
    # a hub id has one slash at most
    if not Path(base).is_dir() and (base.startswith((".", "/", "~")) or base.count("/") > 1):
        return f"is an adapter of {base!r}, which is not here; {CONFIG_FILE} says so under base_model_name_or_path"
    what = fault(base)
    return None if what is None else f"is an adapter of {base!r}, which {what}"


def _weights_fault(folder: Path, pattern: str) -> str | None:
    files = list(folder.glob(pattern))
    if not files:
        pickles = sorted(file.name for kind in PICKLES for file in folder.glob(kind) if file.name != OF_THE_TRAINER)
        why = f"; {pickles[0]} is a pickle, which can run code: convert it to safetensors" if pickles else ""
        return f"holds no weights: it has no {pattern}{why}"
    for file in files:
        if not file.exists():
            return f"cannot be read: {file.name} is a link to {os.readlink(file)!r}, which is not there"
        try:
            header(file)
        except ValueError as error:
            return f"cannot be read: {file.name} {error}"
    return None


def _json_fault(file: Path) -> str | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"cannot be read: {file.name} is not JSON ({error})"
    return None if isinstance(found, dict) else f"cannot be read: {file.name} holds no JSON object"


def _any(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern), None) is not None
