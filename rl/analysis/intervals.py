"""95% intervals: Wilson's for shares of independent problems, the bootstrap for means within problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution."""


class Interval(NamedTuple):
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """The interval for JSON, rounded to six digits."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def wilson(successes: int, trials: int) -> Interval | None:
    """Wilson's score interval of a share (Wilson 1927); None without trials.

    Args:
        successes: number of successes.
        trials: number of independent trials.
    """
    if trials == 0:
        return None
    share, square = successes / trials, Z * Z
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def bootstrap(per_problem: Sequence[float], *, resamples: int = 2000, seed: int = 0) -> Interval | None:
    """Percentile bootstrap interval of a mean over problems; None without problems.

    Args:
        per_problem: one number per problem. Problems are resampled with replacement, not the samples within a problem.
        resamples: number of resampled means.
        seed: random seed.
    """
    if not len(per_problem):
        return None
    values = np.asarray(per_problem, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def mean_of_shares(shares: Sequence[float]) -> Interval | None:
    """Percentile bootstrap interval of a mean of shares over problems; None without problems.

    If every problem has a share of 0, or every problem a share of 1, all resampled means are the same, although the
    next problem may differ. Then it is Wilson's interval, as for that number of failures or successes.

    Args:
        shares: one for each problem, from 0 to 1.
    """
    if len(shares) and set(shares) in ({0}, {1}):
        return wilson(round(sum(shares)), len(shares))
    return bootstrap(shares)
