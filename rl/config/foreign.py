"""Refuses code that a config file takes from elsewhere than its own folder, the current one, or installed packages.

Modules are those of the current folder and the installed ones. A path may lead into the current folder or into that of
the config file; on the command line, which the user wrote, it may lead anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rl.config.layers import COMMAND_LINE, Layer, origin
from rl.errors import UserError


def refuse_foreign(layers: Sequence[Layer], rewards: Any) -> None:
    """Refuse a config in which a file names code outside of its folder and the current one.

    Args:
        layers: the layers of the config.
        rewards: the section of that name, in which nothing has been checked.

    Raises:
        UserError: a file names such code.
    """
    for name, reward in rewards.items() if isinstance(rewards, Mapping) else ():
        function = reward.get("function") if isinstance(reward, Mapping) else None
        place = Path(str(function).rpartition(":")[0]).expanduser()
        if place.suffix != ".py" and len(place.parts) < 2:  # nothing, or a module
            continue
        key = f"rewards.{name}.function"
        where = origin(layers, key)
        folders = (Path.cwd(), Path(where).resolve().parent)
        if where != COMMAND_LINE and not any(place.resolve().is_relative_to(folder) for folder in folders):
            raise UserError(
                where,
                f"{key}: {str(place)!r} is neither in the folder of the config nor in the current one; copy it there, "
                f"or name it on the command line",
            )
