"""Units of length: words, characters or tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewards.reward import Text, text_of

UNITS = ("words", "characters", "tokens")


def units(completions: Sequence[Text], completion_ids: Sequence[Sequence[int]], unit: str) -> list[Sequence[Any]]:
    """Each completion as a sequence of words (separated by white space), characters or token ids.

    Args:
        completions: B completions.
        completion_ids: their token ids; needed only for tokens.
        unit: `words`, `characters` or `tokens`.

    Raises:
        ValueError: the unit is tokens, and the token ids of a completion are missing.
    """
    texts = [text_of(completion) for completion in completions]
    if unit != "tokens":
        return [text.split() if unit == "words" else text for text in texts]
    if len(completion_ids) != len(texts) or any(
        text and not ids for text, ids in zip(texts, completion_ids, strict=True)
    ):
        raise ValueError("unit: tokens needs completion_ids, and some are missing; use characters or words")
    return list(completion_ids)
