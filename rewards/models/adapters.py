"""Finds the base model of an adapter. Imports without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG_FILE = "adapter_config.json"


def adapter_config(folder: str | Path) -> dict[str, Any] | None:
    """The config that peft saved with an adapter in a local folder; None if there is no adapter."""
    file = Path(folder) / CONFIG_FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def base_of(adapter: str | Path, config: Mapping[str, Any]) -> str:
    """The path or hub id of an adapter's base model.

    A relative path is resolved from the working directory, as in peft, and then from the adapter's folder and the
    folders above it, so that a run folder can be used from anywhere.

    Args:
        adapter: the adapter's folder or hub id.
        config: its `adapter_config.json`.

    Raises:
        ValueError: the adapter names no base model.
    """
    base = config.get("base_model_name_or_path")
    if not base:
        raise ValueError(f"the adapter {str(adapter)!r} does not name its base model: {CONFIG_FILE} has no base")
    folder = Path(adapter).resolve()
    for start in (Path(), *((folder, *folder.parents) if Path(adapter).is_dir() else ())):
        if (start / base / "config.json").is_file() or (start / base / CONFIG_FILE).is_file():
            return str((start / base).resolve())
    return str(base)
