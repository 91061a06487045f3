r"""How the values of several rewards become one number a completion.

With weights $w_i$, $W = \sum_i |w_i|$, and $P$ the rewards that did not abstain on a completion:

`sum`:
$$ r = \frac{W}{\sum_{i \in P} |w_i|} \sum_{i \in P} w_i r_i $$
so an abstaining reward is left out and the others take over its share; it does not count as 0.

`normalise_then_sum` (GDPO, Liu et al. 2026, arXiv:2601.05242): the same sum over
$\hat r_i = (r_i - \mathrm{mean}_g r_i) / (\mathrm{std}_g r_i + 10^{-4})$, mean and sample standard deviation over the
completions of the group $g$ on which reward $i$ did not abstain; 0 where there is only one. A reward with a small
spread then counts as much as one with a large spread. The last step of GDPO, the sum's own scaling over the batch, is
the trainer's (TRL's `scale_rewards: batch`).

`product`: $r = \prod_{i \in P} r_i^{\,w_i W / \sum_{j \in P} w_j}$, the weighted geometric form; with weights of 1 and
no abstention the plain product. Negative values and weights are refused: two wrongs would multiply to a right.

`gated`: with $g$ the gate's value, the sum above where $g \ge$ `gate_at`, and $w_g g$ alone below it. With a gate of
weight 0 the mix is 0 below it. Where the gate abstains so does the mix: nobody knows whether the others count.

A reward of weight 0 is logged and does not count. Where all that count abstain, the mix abstains (None).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

Values = Sequence[float | None]
EPSILON = 1e-4
"""Added to a group's standard deviation, as in TRL."""


def weighted_sum(values: Values, weights: Sequence[float]) -> float | None:
    """The weighted sum of those that are there, scaled up to the weight of all; None where none is that counts."""
    present = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    share = sum(abs(weight) for _, weight in present)
    whole = sum(abs(weight) for weight in weights)
    if share == 0:
        return 0.0 if present and whole == 0 else None
    return whole / share * sum(value * weight for value, weight in present)


def weighted_product(values: Values, weights: Sequence[float]) -> float | None:
    """The product of those that are there, each to the power of its share of all weights; None as in the sum.

    Raises:
        ValueError: a value or a weight is negative.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError(f"a product has no negative weights, got {list(weights)}")
    present = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    if negative := [value for value, weight in present if value < 0 and weight]:
        raise ValueError(f"a product has no negative factors, got {negative[0]:g}; use sum or gated")
    share, whole = sum(weight for _, weight in present), sum(weights)
    if share == 0:
        return 1.0 if present and whole == 0 else None
    return math.prod(value ** (weight * whole / share) for value, weight in present if weight)


def gated(values: Mapping[str, float | None], weights: Mapping[str, float], gate: str, at: float) -> float | None:
    """The weighted sum of one completion where the gate's value is at least `at`, else the gate's own share of it."""
    if (value := values[gate]) is None:
        return None
    if value < at:
        return weights[gate] * value
    return weighted_sum(list(values.values()), list(weights.values()))


def groups_of(prompts: Sequence[object]) -> list[slice]:
    """The groups of a batch: consecutive rows of the same prompt."""
    starts = [row for row in range(len(prompts)) if row == 0 or prompts[row] != prompts[row - 1]]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(prompts)], strict=True)]


def normalised(values: Values, groups: Sequence[slice]) -> list[float | None]:
    """Each value less its group's mean, over its group's sample standard deviation; None stays None."""
    out: list[float | None] = list(values)
    for group in groups:
        present = [value for value in values[group] if value is not None]
        if not present:
            continue
        mean = float(np.mean(present))
        std = float(np.std(present, ddof=1)) if len(present) > 1 else 0.0
        out[group] = [None if value is None else (value - mean) / (std + EPSILON) for value in values[group]]
    return out


def centred(values: Values, groups: Sequence[slice]) -> np.ndarray:
    """Each value less its group's mean, 0 where it is None: (B,)."""
    out = np.zeros(len(values))
    for group in groups:
        rows = [row for row in range(group.start, group.stop) if values[row] is not None]
        if rows:
            present = np.array([values[row] for row in rows], dtype=float)
            out[rows] = present - present.mean()
    return out


def variance_shares(contributions: Mapping[str, np.ndarray]) -> dict[str, float]:
    r"""Each reward's share of the advantage's variance: $\mathrm{cov}(c_i, \sum_j c_j) / \mathrm{var}(\sum_j c_j)$.

    The shares add up to 1. One may be negative: it pulls against what the rest rewards.

    Args:
        contributions: reward name → its weighted, group-centred values (B,).

    Returns:
        Reward name → share; empty where the advantage has no variance.
    """
    total = np.sum(list(contributions.values()), axis=0)
    total = total - total.mean()
    variance = float(total @ total)
    if variance <= 1e-18:
        return {}
    return {name: float((values - values.mean()) @ total) / variance for name, values in contributions.items()}


def share_without_signal(values: Values, groups: Sequence[slice]) -> float:
    """The share of groups in which a reward says the same of every completion it does not abstain on."""
    flat = 0
    for group in groups:
        present = [value for value in values[group] if value is not None]
        flat += not present or max(present) - min(present) <= 1e-9
    return flat / len(groups)
