"""A reward that differs between completions, so that a random policy has something to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def signal(completion_ids: Sequence[Sequence[int]], **columns: Any) -> list[float]:
    """A meaningless number in [0, 1] for each completion, which depends on its tokens alone.

    Args:
        completion_ids: the token ids of B completions.
        columns: the other arguments that TRL passes to a reward.
    """
    return [sum(ids) % 7 / 6 for ids in completion_ids]
