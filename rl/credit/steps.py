r"""Step credit: turns the scores $s_1 … s_K$ of a completion's steps into a reward $r_k$ for each step.

`sum`: $r_k = s_k$. A token is credited with the reward to go, $\sum_{j \ge k} r_j$.

`min`: PURE (Cheng et al. 2025, arXiv:2504.15275, eq. 6): $r_k = s_k \, e^{-s_k / T} / \sum_j e^{-s_j / T}$, so that
their sum is close to the lowest score: a solution is as good as its worst step.

`first_error`: with $f$ the first wrong step ($s_f < 1/2$), $r_k = 1/K$ before it, $r_f = -1$, and 0 after it. The
reward of a step counts for that step alone; earlier steps are not credited with it.

A step without a score (the reward abstained or failed) has reward 0 and is never the first error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rule = Callable[[Sequence[float | None]], list[float]]

TEMPERATURE = 0.1
"""T, the temperature of the softmax in `min`, with PURE's value."""
RIGHT = 0.5
"""The lowest score of a right step."""


def total(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `sum`: the scores themselves."""
    return [score or 0.0 for score in scores]


def minimum(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `min`: each score times its softmax weight, which is largest for the lowest score."""
    weights = [0.0 if score is None else math.exp(-score / TEMPERATURE) for score in scores]
    whole = sum(weights) or 1.0
    return [(score or 0.0) * weight / whole for score, weight in zip(scores, weights, strict=True)]


def first_error(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `first_error`: 1/K for each right step before the first wrong one, and -1 for the wrong one."""
    rewards = []
    for score in scores:
        if score is not None and score < RIGHT:
            rewards.append(-1.0)
            break
        rewards.append(0.0 if score is None else 1.0 / len(scores))
    return rewards + [0.0] * (len(scores) - len(rewards))


RULES: dict[str, Rule] = {"sum": total, "min": minimum, "first_error": first_error}
OWN_STEP = frozenset({"first_error"})
"""Rules whose rewards count for their own step alone."""
