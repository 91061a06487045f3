"""The layout that all pages share: Jinja templates in which every text is escaped, whatever a model wrote in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from rl.errors import UserError
from rl.storage.run_folder import write_atomically

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def refuse_nowhere(file: Path) -> None:
    """Refuse a page that could not be written, before the work.

    Args:
        file: where to.

    Raises:
        UserError: the folder of the file is missing.
    """
    if not file.parent.is_dir():
        raise UserError(str(file), f"cannot be written: there is no folder {file.parent}")


def write_page(file: Path, template: str, values: Mapping[str, Any]) -> Path:
    """Write a page, which needs no other file, and return its path.

    Args:
        file: where to.
        template: the file of a template in this folder.
        values: name → what the template shows under it.

    Raises:
        UserError: the folder of the file is missing.
    """
    refuse_nowhere(file)
    write_atomically(file, ENVIRONMENT.get_template(template).render(**values))
    return file
