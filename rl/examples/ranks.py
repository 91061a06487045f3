"""Ranks in the pool: which samples count, and how good each reward says that they are, by quantiles of the pool."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rewards.sample import Sample
from rl.config.control import MIX, Control


class Ranked(NamedTuple):
    """A sample to learn from.

    Attributes:
        sample: the sample, judged.
        ranks: reward → 1 for the best token to K for the worst, in the order in which the tokens stand.
    """

    sample: Sample
    ranks: Mapping[str, int]


def ranks(values: Sequence[float], cut: int | Sequence[float]) -> list[int]:
    """The rank of each value, 1 for the best.

    Args:
        values: n values, in the order of sampling.
        cut: K quantiles: the best floor(n / K) values have rank 1, the next as many rank 2; what remains has the worst
            one, K. Of equal values the earlier ones are ranked better. Or rising values to cut at: rank 1 from the last
            of them on, rank 2 from the one before on, and so forth.
    """
    if not isinstance(cut, int):
        return [1 + sum(value < limit for limit in cut) for value in values]
    size = len(values) // cut
    best_first = sorted(range(len(values)), key=lambda place: -values[place])
    found = [cut] * len(values)
    for order, place in enumerate(best_first):
        found[place] = min(order // size + 1, cut) if size else cut
    return found


def value(sample: Sample, name: str) -> float | None:
    """What a reward said of a sample; None if it abstained or failed.

    Args:
        sample: the sample, judged.
        name: of a reward, or `mix`.
    """
    return sample.reward if name == MIX else sample.rewards[name].value


def ranked(
    samples: Sequence[Sample], control: Control, at_least: Mapping[str, float], fit: int
) -> tuple[list[Ranked], dict[str, float]]:
    """The samples of a pool that count, with their ranks among each other; and figures for the log.

    A sample for which one of the rewards has no value is left out, whether or not its tokens are in use yet.

    Args:
        samples: the whole pool, in the order of sampling.
        control: the control tokens.
        at_least: reward → least value of a sample that counts.
        fit: number of the round, from 0.
    """
    names = [*control.tokens, *(name for name in at_least if name not in control.tokens)]
    known = [one for one in samples if one.ids and None not in [value(one, name) for name in names]]
    kept = [one for one in known if all((value(one, name) or 0.0) >= least for name, least in at_least.items())]
    counts: dict[str, float] = {"rounds/kept": len(kept), "rounds/dropped": 1 - len(known) / max(len(samples), 1)}
    of_reward: dict[str, list[int]] = {}
    for name in control.in_use(fit):
        values = [found for one in kept if (found := value(one, name)) is not None]
        of_reward[name] = ranks(values, control.cut(name))
        best = [found for found, rank in zip(values, of_reward[name], strict=True) if rank == 1]
        counts |= {f"control/{name}/best_from": min(best)} if best else {}
    each = [{name: of[place] for name, of in of_reward.items()} for place in range(len(kept))]
    if control.permuted:
        random.Random(fit).shuffle(each)
    return [Ranked(one, of) for one, of in zip(kept, each, strict=True)], counts
