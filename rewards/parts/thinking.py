"""Where a completion's thinking ends, in the tags that reasoning models write around it."""

from __future__ import annotations

import re

_TAG = re.compile(r"(?i)<(/?)(?:think|thinking|thought)>|\[(/?)THINK\]")


def spoken(text: str) -> tuple[int, int]:
    """The span of a completion that is no thinking: after the last thinking that ends, before one that never does.

    A completion that was cut off while it thinks has given no answer: what its thinking says of one is a draft.

    Returns:
        First character and one past the last.
    """
    start, end = 0, len(text)
    for tag in _TAG.finditer(text):
        if tag[1] or tag[2]:
            start, end = tag.end(), len(text)
        elif end == len(text):
            end = tag.start()
    return start, end
