"""Completions that begin inside a thought, because their prompt opened it (`<think>`), and never close it.

Their content is a draft and not an answer, so they are judged with the opening in front of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from verifiers import Step

OPENING = "<think>"


def of_the_text(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Steps of a text with `OPENING` before it, with their spans shifted to the text itself.

    Args:
        steps: steps that were found in the text with the opening.
    """
    moved = [(step, max(step.start - len(OPENING), 0), step.end - len(OPENING)) for step in steps]
    return tuple(replace(step, start=start, end=end) for step, start, end in moved if end > start)
