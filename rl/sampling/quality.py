"""Figures about judged completions that no reward and no trainer logs: how many are right, not judged, repetitive."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rewards.sample import Sample
from verifiers.format import repetition

NGRAM = 4
"""Tokens in an n-gram of `repetition`."""


def quality(samples: Sequence[Sample]) -> dict[str, float]:
    """The log line's figures about a draw.

    Args:
        samples: judged samples, at least one.

    Returns:
        `right`: the share of those judged that are right, left out where none is judged; `abstained` and `failed`: the
        shares on which the task's verifier did so; `repetition`: `repeated` of them.
    """
    judged = [one.right for one in samples if one.right is not None]
    statuses = [one.verdict.status for one in samples if one.verdict is not None]
    return {
        **({"right": sum(judged) / len(judged)} if judged else {}),
        "abstained": statuses.count("abstained") / len(samples),
        "failed": statuses.count("failed") / len(samples),
        "repetition": repeated(samples),
    }


def repeated(samples: Sequence[Sample]) -> float:
    """The mean share of a completion's 4-grams of tokens that repeat an earlier one of the same completion."""
    return statistics.fmean(repetition(one.ids, NGRAM) for one in samples)
