r"""How the values of several rewards become one number for each completion.

An abstaining reward counts as its group's mean: with $P_{g,i}$ the completions of the group $g$ (those of one prompt)
on which reward $i$ counts and did not abstain, $\tilde r_i = r_i$ where it is known and $\mathrm{mean}_{P_{g,i}} r_i$
where it is not. So an abstention neither pays nor costs beside its siblings, and it makes no other reward weigh more.
Where a reward abstains on a whole group, the mean over the batch stands in, and where it abstains on all of the batch
it is left out. With weights $w_i$:

`sum`: $r = \sum_i w_i \tilde r_i$.

`normalise_then_sum` (GDPO, Liu et al. 2026, arXiv:2601.05242): the same sum over $\hat r_i = (r_i -
\mathrm{mean}_{P_{g,i}} r_i) / (\mathrm{std}_{P_{g,i}} r_i + 10^{-4})$, with the sample standard deviation; 0 where
there is only one value, or none. A reward with a small spread then counts as much as one with a large spread. The last
step of GDPO, scaling the sum over the batch, is the trainer's (TRL's `scale_rewards: batch`).

`product`: $r = \prod_i \widetilde{r_i^{\,w_i}}$: of the factors, so that the mean that stands in for one is that of
its siblings' factors. Negative values and weights are refused: two wrongs would multiply to a right.

`gated`: with $g$ the gate's value, the sum above where $g \ge$ `gate_at`, and $w_g g$ alone below it. With a gate of
weight 0 the mix is 0 below it. Where the gate abstains so does the mix: nobody knows whether the others count. What a
reward says below a closed gate does not count, so it is no part of the mean that stands in for an abstention above it.

A reward of weight 0 is logged and does not count. Where all that count abstain on a completion, so does the mix (None).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Values = Sequence[float | None]
"""One reward's values over a batch, None where it abstains."""
Groups = Sequence[Sequence[int]]
"""Of each group of completions, its rows in the batch."""
EPSILON = 1e-4
"""Added to a group's standard deviation, as in TRL."""


def groups_of(prompts: Sequence[object]) -> list[list[int]]:
    """The groups of a batch: for each different prompt its rows, wherever they stand."""
    groups: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        groups.setdefault(prompt if isinstance(prompt, str) else repr(prompt), []).append(row)
    return list(groups.values())


def filled(values: Values, groups: Groups, left_out: float = 0.0) -> list[float]:
    """A reward's values with a neutral one in place of each abstention.

    Args:
        values: B values.
        groups: the batch's groups.
        left_out: what a reward that abstains on the whole batch counts as: 0 in a sum, 1 in a product.

    Returns:
        B values: of an abstention the mean of its group, or of the batch where the whole group abstains.
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
    """Each value less its group's mean, over its group's sample standard deviation; None stays None."""
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
    """Of each completion, whether any reward that counts has a value; without a weight above 0 in size, any reward."""
    names = [name for name in values if weights[name]] or list(values)
    return [any(value is not None for value in row) for row in zip(*(values[name] for name in names), strict=True)]


def powers(name: str, values: Values, weight: float) -> list[float | None]:
    """A factor of a product: each value to the power of its reward's weight; None stays None.

    Args:
        name: of the reward, for the message.
        values: B values.
        weight: 0 or more; with 0 the reward does not count, and every factor is 1.

    Raises:
        ValueError: the reward counts, and a value is negative or too large for its weight.
    """
    if weight == 0:
        return [None if value is None else 1.0 for value in values]
    least = min((value for value in values if value is not None), default=0.0)
    if least < 0:
        raise ValueError(f"{name}: a product has no negative factors, got {least:g}; use sum or gated")
    try:
        return [None if value is None else value**weight for value in values]
    except OverflowError:
        largest = max(value for value in values if value is not None)
        raise ValueError(f"{name}: {largest:g} to the power of its weight {weight:g} is too large") from None


def where(passed: Sequence[bool], values: Values) -> list[float | None]:
    """The values where something has passed, None elsewhere.

    Args:
        passed: B answers.
        values: B values.
    """
    return [value if yes else None for value, yes in zip(values, passed, strict=True)]


def centred(values: Values, groups: Groups) -> np.ndarray:
    """Each value less its group's mean, 0 where it is None: (B,)."""
    out = np.zeros(len(values))
    for group in groups:
        rows = [row for row in group if values[row] is not None]
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


def share_without_signal(values: Values, groups: Groups) -> float:
    """The share of groups in which a reward has the same value for every completion it does not abstain on."""
    flat = 0
    for group in groups:
        present = [value for row in group if (value := values[row]) is not None]
        flat += not present or max(present) - min(present) <= 1e-9
    return flat / len(groups)
