r"""Step credit: from the scores $s_1 … s_K$ of a completion's steps to the reward $r_k$ that each step earns.

`sum`: $r_k = s_k$. What is credited is the reward to go, $\sum_{j \ge k} r_j$.

`min`: PURE (Cheng et al. 2025, arXiv:2504.15275, eq. 6): $r_k = s_k \, e^{-s_k / T} / \sum_j e^{-s_j / T}$, so that
their sum is close to the lowest score: a chain is as good as its worst step.

`first_error`: with $f$ the first wrong step ($s_f < 1/2$): $r_k = 1/K$ before it, $r_f = -1$, nothing after it. Each
step answers for itself alone: its reward is no part of what the steps before it are credited with.

A step without a score (its judge abstained or failed) earns nothing, and is no first error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rule = Callable[[Sequence[float | None]], list[float]]

TEMPERATURE = 0.1
"""T of the softmax in `min`, as in PURE."""
RIGHT = 0.5
"""The least score of a right step."""


def total(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `sum`: the scores themselves."""
    return [score or 0.0 for score in scores]


def minimum(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `min`: each score with its softmax weight, in which the lowest dominates."""
    weights = [0.0 if score is None else math.exp(-score / TEMPERATURE) for score in scores]
    whole = sum(weights) or 1.0
    return [(score or 0.0) * weight / whole for score, weight in zip(scores, weights, strict=True)]


def first_error(scores: Sequence[float | None]) -> list[float]:
    """Rewards for `first_error`: a share for each right step before the first wrong one, and -1 for that one."""
    rewards = []
    for score in scores:
        if score is not None and score < RIGHT:
            rewards.append(-1.0)
            break
        rewards.append(0.0 if score is None else 1.0 / len(scores))
    return rewards + [0.0] * (len(scores) - len(rewards))


RULES: dict[str, Rule] = {"sum": total, "min": minimum, "first_error": first_error}
OWN_STEP = frozenset({"first_error"})
"""Rules whose steps answer for themselves alone, not for what follows."""
