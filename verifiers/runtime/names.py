"""Hints for error messages that name the nearest valid name."""

import difflib
from collections.abc import Iterable


def nearest(word: str, valid: Iterable[str]) -> str:
    """The valid name nearest to a wrong one, as a question; where none is near, all of them.

    Args:
        word: the wrong name.
        valid: the valid ones.
    """
    valid = sorted(valid)
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are: {', '.join(valid)}" if valid else "there are none"
