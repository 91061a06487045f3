"""References as data holds them: numbers become text, and of several references any counts as right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifiers.verdict import Verdict, abstained

EXACT_INTEGERS = 2.0**53
"""Below this size a float holds every whole number, so one without a fraction is written as that number."""


def golds_of(value: Any) -> tuple[Any, ...]:
    """The references of one row, each as a verifier takes it.

    Args:
        value: a text; a number, which becomes text (7.0 as `7`, the form that a table gives whole numbers beside a
            missing one); a list, a tuple or an array of these, in which missing and blank ones do not count. Anything
            else is left to the verifier.

    Returns:
        One reference, or several of which any counts as right; none where the value is missing (NaN, an empty list).
    """
    if isinstance(value, str) or value is None:
        return (value,)
    if hasattr(value, "tolist"):  # an array or a scalar of numpy, as pandas reads them
        value = value.tolist()
    if isinstance(value, list | tuple):
        several = [gold for one in value for gold in golds_of(one) if gold is not None]
        return tuple(dict.fromkeys(gold for gold in several if not isinstance(gold, str) or gold.strip()))
    if isinstance(value, float):
        if value != value:
            return ()
        return (str(int(value)) if value.is_integer() and abs(value) < EXACT_INTEGERS else str(value),)
    return (str(value),) if isinstance(value, int) else (value,)


def first_gold(value: Any) -> Any:
    """The one reference, or the first of several, where a single one is shown or asked about; None for none."""
    return next(iter(golds_of(value)), None)


def against_any(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of those against each of several references.

    Right against one is right. Otherwise a verifier that failed or abstained on any leaves the answer unjudged, for it
    may be right against that one; the first such verdict says why. Wrong is what is wrong against all: the verdict with
    the highest score.
    """
    if not verdicts:
        return abstained("no gold")
    if len(verdicts) == 1:
        return verdicts[0]
    judged = [verdict for verdict in verdicts if verdict.score is not None]
    best = max(judged, key=lambda verdict: verdict.score or 0.0, default=None)
    if best is not None and best.right:
        return best
    for status in ("failed", "abstained"):
        if unjudged := [verdict for verdict in verdicts if verdict.status == status]:
            return unjudged[0]
    assert best is not None
    return best
