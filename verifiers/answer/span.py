"""A place in a completion where its answer stands."""

from __future__ import annotations

from typing import NamedTuple

MAX_SPAN = 8_000
"""Characters of the longest answer."""
MOST = 12
"""Places a rule looks at, from the end."""


class Span(NamedTuple):
    """A place where an answer stands: its text, the rule that found it, where, and why it is no answer, if so.

    `start` is where its tag, mark, box or cue begins in the answering part.
    """

    text: str
    rule: str
    start: int = 0
    fault: str = ""
