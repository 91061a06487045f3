r"""Preference pairs: two completions of one prompt, a chosen one and a rejected one that is clearly worse.

With the judged score $R$ and the margin $\eta$, a pair $(y_w, y_l)$ counts only if $R(y_w) - R(y_l) > \eta$, as in
SIPF (Chen et al. 2025, section 3). Completions without a reward take no part; a completion that was cut off is
never chosen; identical texts never make a pair.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from rewards.sample import Sample


class Pair(NamedTuple):
    """Two completions of one prompt."""

    chosen: Sample
    rejected: Sample


def pairs(
    samples: Sequence[Sample],
    *,
    form: str = "best_worst",
    margin: float = 0.0,
    cap: int = 4,
    balance_length: bool = False,
    cut_off: bool = True,
) -> list[Pair]:
    """The pairs of a pool, prompt by prompt.

    Args:
        samples: the pool, with completions of any number of prompts.
        form: `best_worst` pairs the best with the worst, then the second best with the second worst, up to the cap;
            `all` pairs every right completion with every wrong one, largest difference of scores first; `random` makes
            the same pairs in a random order, whatever the scores.
        margin: a pair counts only if its scores differ by more than this.
        cap: most pairs per prompt.
        balance_length: choose as the next pair the one that keeps the prompt's total chosen tokens and total rejected
            tokens closest; otherwise choose the pair with the largest difference of scores.
        cut_off: whether a completion that was cut off may be rejected; if not, it takes no part.
    """
    groups: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.reward is not None and (cut_off or sample.finish_reason == "stop"):
            groups[sample.index].append(sample)
    made = []
    for index, group in groups.items():
        if form == "random":
            offered = [Pair(*both) for both in itertools.product(*_right_and_wrong(_distinct(group)))]
            made += random.Random(f"pairs {index} {len(offered)}").sample(offered, min(cap, len(offered)))
            continue
        candidates = _candidates(_distinct(group), form, margin)
        made += _balanced(candidates, cap) if balance_length else candidates[:cap]
    return made


def _candidates(group: list[Sample], form: str, margin: float) -> list[Pair]:
    """Valid pairs, largest difference of scores first."""
    best = sorted(group, key=_score, reverse=True)
    if form == "best_worst":
        whole = [sample for sample in best if sample.finish_reason == "stop"]
        offered = zip(whole, reversed(best), strict=False)
    else:
        right, wrong = _right_and_wrong(best)
        offered = itertools.product(right, reversed(wrong))
    pairs = [Pair(better, worse) for better, worse in offered]
    valid = [p for p in pairs if _score(p.chosen) - _score(p.rejected) > margin and p.chosen.text != p.rejected.text]
    return sorted(valid, key=lambda pair: _score(pair.rejected) - _score(pair.chosen))


def _right_and_wrong(group: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    right = [sample for sample in group if sample.right and sample.finish_reason == "stop"]
    return right, [sample for sample in group if sample.right is False]


def _balanced(candidates: list[Pair], cap: int) -> list[Pair]:
    taken: list[Pair] = []
    left, surplus = list(candidates), 0
    while left and len(taken) < cap:
        best = min(left, key=lambda pair: abs(surplus + _longer(pair)))
        left.remove(best)
        taken.append(best)
        surplus += _longer(best)
    return taken


def _longer(pair: Pair) -> int:
    return len(pair.chosen.ids) - len(pair.rejected.ids)


def _distinct(group: list[Sample]) -> list[Sample]:
    """The first completion of each text."""
    return list({(s.text, s.finish_reason): s for s in reversed(group)}.values())[::-1]


def _score(sample: Sample) -> float:
    assert sample.reward is not None, "abstained samples were left out earlier"
    return sample.reward
