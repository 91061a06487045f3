"""Contrasts: for an example, another right completion of its problem, and one that the policy got wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from rewards.sample import Sample


class Contrast(NamedTuple):
    """What an example is compared with.

    Attributes:
        positive: another right completion of the same problem.
        negative: a wrong completion of it by the policy.
    """

    positive: Sample
    negative: Sample


def contrasts(examples: Sequence[Sample], exam: Sequence[Sample], seed: int) -> list[Contrast | None]:
    """The contrast of each example; None if its problem has no other right or no wrong completion.

    Args:
        examples: the completions to imitate; one that was not judged counts as right.
        exam: the judged samples of the policy that learns.
        seed: seed of the choice among several.
    """
    rng = random.Random(f"contrasts {seed}")
    right: dict[int, list[Sample]] = {}
    wrong: dict[int, list[Sample]] = {}
    for one in examples:
        if one.right is not False:
            right.setdefault(one.index, []).append(one)
    for one in exam:
        if one.ids and one.right is not None:
            (right if one.right else wrong).setdefault(one.index, []).append(one)
    found: list[Contrast | None] = []
    for one in examples:
        others = [other for other in right.get(one.index, []) if other.text != one.text]
        failed = wrong.get(one.index, [])
        known = one.index >= 0 and others and failed
        found.append(Contrast(rng.choice(others), rng.choice(failed)) if known else None)
    return found
