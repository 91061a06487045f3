"""Completions worth imitating: right, distinct from each other, and only a few per prompt.

As in RFT (Yuan et al. 2023, arXiv:2308.01825, section 3.3) and SIPF, only one completion is kept of those with the same
sequence of equations: the one whose text is farthest from the others' by summed edit distance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from rewards.sample import Sample

_EQUATION = re.compile(r"[^\s;,:<>=]*(?:\s?[-+*/×÷]\s?[^\s;,:<>=]+)+\s?=\s?-?[\d.,/]*\d")
_SPACE = re.compile(r"\s+")


def keep(
    samples: Sequence[Sample],
    *,
    threshold: float = 1.0,
    quota: int = 4,
    distinct: bool = True,
    repeats: bool = False,
    wrong: bool = False,
) -> list[Sample]:
    """The samples to imitate, in the order of their prompts.

    Args:
        samples: the pool.
        threshold: lowest judged score to keep.
        quota: most completions to keep per prompt, highest scores first.
        distinct: whether to keep one completion per sequence of equations rather than one per text.
        repeats: if `distinct` is false, whether to keep a text as often as it was sampled.
        wrong: whether to keep samples that were judged wrong, too.
    """
    groups: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        good = sample.reward is not None and sample.reward >= threshold
        if good and (wrong or sample.right is not False) and sample.finish_reason == "stop":
            groups[sample.index].append(sample)
    kept = []
    for group in groups.values():
        by_text = group if repeats else list({sample.text: sample for sample in reversed(group)}.values())[::-1]
        chosen = unlike(by_text) if distinct else by_text
        kept += sorted(chosen, key=lambda sample: -(sample.reward or 0.0))[:quota]
    return kept


def equation_sequence(text: str) -> tuple[str, ...]:
    """The equations of a text in order, without spaces; the whole text if it has none."""
    found = tuple(_SPACE.sub("", match[0]) for match in _EQUATION.finditer(text))
    return found or (text.strip(),)


def unlike(group: Sequence[Sample]) -> list[Sample]:
    """One of a problem's samples for each sequence of equations: the one whose text is farthest from all others.

    Args:
        group: samples of one problem.
    """
    alike: dict[tuple[str, ...], list[Sample]] = defaultdict(list)
    for sample in group:
        alike[equation_sequence(sample.text)].append(sample)
    return [max(same, key=lambda one: _distance(one, group)) for same in alike.values()]


def _distance(one: Sample, group: Sequence[Sample]) -> int:
    return sum(Levenshtein.distance(one.text, other.text) for other in group)
