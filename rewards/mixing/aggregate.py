r"""Formulas that combine the values of several rewards into one number per completion.

An abstaining reward counts as the mean of its group. Let $P_{g,i}$ be the completions of group $g$ (those of one
prompt) on which reward $i$ counts and did not abstain. Then $\tilde r_i = r_i$ where the value is known, and $\tilde
r_i = \mathrm{mean}_{P_{g,i}} r_i$ where it is not. So an abstention is neither an advantage nor a disadvantage within
the group, and it does not increase the weight of other rewards. If a reward abstains on a whole group, the mean of the
batch is used; if it abstains on the whole batch, it is left out. With weights $w_i$:

`sum`: $r = \sum_i w_i \tilde r_i$.

`normalise_then_sum` (GDPO, Liu et al. 2026, arXiv:2601.05242): the same sum over $\hat r_i = (r_i -
\mathrm{mean}_{P_{g,i}} r_i) / (\mathrm{std}_{P_{g,i}} r_i + 10^{-4})$, with the sample standard deviation; 0 if the
group has fewer than two values. A reward with a small spread then counts as much as one with a large spread. The
trainer does the last step of GDPO, scaling the sum over the batch (TRL's `scale_rewards: batch`).

`product`: $r = \prod_i \widetilde{r_i^{\,w_i}}$. The mean is taken over factors, so an abstention has the mean factor
of its group. Negative values and weights are errors, because the product of two negative factors would be positive.

`gated`: with $g$ the value of the gate, the sum above if $g \ge$ `gate_at`, and $w_g g$ alone below it. With a gate of
weight 0, the result is 0 below it. If the gate abstains, so does the mix, because it is unknown whether the others
count. Values below a closed gate do not count, so they are not part of the mean for an abstention above it.

A reward of weight 0 is logged but does not count. If all rewards that count abstain on a completion, the result is
None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Values = Sequence[float | None]
"""The values of one reward for a batch; None where it abstains."""
Groups = Sequence[Sequence[int]]
"""The rows of each group in the batch."""
EPSILON = 1e-4
"""Added to a group's standard deviation, as in TRL."""


def groups_of(prompts: Sequence[object]) -> list[list[int]]:
    """The groups of a batch: the rows of each distinct prompt, in any order."""
    groups: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        groups.setdefault(prompt if isinstance(prompt, str) else repr(prompt), []).append(row)
    return list(groups.values())


def filled(values: Values, groups: Groups, left_out: float = 0.0) -> list[float]:
    """The values of a reward, with a neutral value for each abstention.

    Args:
        values: B values.
        groups: the batch's groups.
        left_out: the value of a reward that abstains on the whole batch: 0 in a sum, 1 in a product.

    Returns:
        B values; for an abstention the mean of its group, or of the batch if the whole group abstains.
    """
    present = [value for value in values if value is not None]
    everywhere = float(np.mean(present)) if present else left_out
    out = [everywhere if value is None else value for value in values]
    for group in groups:
        known = [value for row in group if (value := values[row]) is not None]
        if known and len(known) < len(group):
            mean = float(np.mean(known))
            for row in group:
                if values[row] is None:
                    out[row] = mean
    return out


def normalised(values: Values, groups: Groups) -> list[float | None]:
    """Each value minus the mean of its group, divided by the group's sample standard deviation; None stays None.

    Args:
        values: B values.
        groups: the batch's groups.
    """
    out: list[float | None] = list(values)
    for group in groups:
        known = [value for row in group if (value := values[row]) is not None]
        if not known:
            continue
        mean = float(np.mean(known))
        std = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
        for row in group:
            value = values[row]
            out[row] = None if value is None else (value - mean) / (std + EPSILON)
    return out


def counting(values: Mapping[str, Values], weights: Mapping[str, float]) -> list[bool]:
    """Whether any reward with a nonzero weight has a value, for each completion; if all weights are 0, any reward.

    Args:
        values: reward name → B values.
        weights: reward name → weight.
    """
    names = [name for name in values if weights[name]] or list(values)
    return [any(values[name][row] is not None for name in names) for row in range(len(values[names[0]]))]


def powers(name: str, values: Values, weight: float) -> list[float | None]:
    """The factors of a product: each value to the power of the reward's weight; None stays None.

    Args:
        name: name of the reward, for the message.
        values: B values.
        weight: 0 or more; with 0 the reward does not count, and every factor is 1.

    Raises:
        ValueError: the reward counts, and a value is negative or too large for its weight.
    """
    if weight == 0:
        return [None if value is None else 1.0 for value in values]
    if negative := [value for value in values if value is not None and value < 0]:
        raise ValueError(f"{name}: a product has no negative factors, got {min(negative):g}; use sum or gated")
    try:
        return [None if value is None else value**weight for value in values]
    except OverflowError:
        largest = max(value for value in values if value is not None)
        raise ValueError(f"{name}: {largest:g} to the power of its weight {weight:g} is too large") from None


def where(passed: Sequence[bool], values: Values) -> list[float | None]:
    """The values where `passed` is true; None elsewhere.

    Args:
        passed: B booleans.
        values: B values.
    """
    return [value if passed[row] else None for row, value in enumerate(values)]


def centred(values: Values, groups: Groups) -> np.ndarray:
    """Each value minus the mean of its group, (B,); 0 where the value is None.

    Args:
        values: B values.
        groups: the batch's groups.
    """
    out = np.zeros(len(values))
    for group in groups:
        known = {row: value for row in group if (value := values[row]) is not None}
        if known:
            out[list(known)] = np.array(list(known.values())) - np.mean(list(known.values()))
    return out


def variance_shares(contributions: Mapping[str, np.ndarray]) -> dict[str, float]:
    r"""Each reward's share of the advantage's variance: $\mathrm{cov}(c_i, \sum_j c_j) / \mathrm{var}(\sum_j c_j)$.

    The shares add up to 1. A negative share means that the reward works against the others.

    Args:
        contributions: reward name → its weighted, group-centred values (B,).

    Returns:
        Reward name → share; empty if the advantage has no variance.
    """
    total = np.sum(list(contributions.values()), axis=0)
    total = total - total.mean()
    variance = float(total @ total)
    if variance <= 1e-18:
        return {}
    return {name: float((values - values.mean()) @ total) / variance for name, values in contributions.items()}


def share_without_signal(values: Values, groups: Groups) -> float:
    """The share of groups in which all known values of a reward are equal.

    Args:
        values: B values.
        groups: the batch's groups, at least one.
    """
    flat = 0
    for group in groups:
        present = [value for row in group if (value := values[row]) is not None]
        flat += not present or max(present) - min(present) <= 1e-9
    return flat / len(groups)
