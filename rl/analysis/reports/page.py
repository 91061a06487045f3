"""The layout that all pages share: Jinja templates in which every text is escaped, whatever a model wrote in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A page as HTML, which needs no other file.

    Args:
        template: the file of a template in this folder.
        values: name → what the template shows under it.
    """
    return ENVIRONMENT.get_template(template).render(**values)
