"""The terminal, on which a text is only a text, whoever wrote it: a model, a data set, a judge or a file's name.

rich reads `[/x]` in a text as markup, `:x:` as an emoji, and passes on control characters, with which a text could
recolour, hide or overwrite what stands around it.
"""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.text import Text

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but for the tab and the line feed, and those that change the direction of writing."""


class Terminal(Console):
    """A console that prints texts as they are, with control characters shown as escapes.

    Args:
        how: the arguments of rich's console.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, markup=False, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """A text as rich prints it."""
        return super().render_str(visible(text), **how)


def visible(text: str) -> str:
    """The text with its control characters as escapes, such as `\\x1b`.

    Args:
        text: any text.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
