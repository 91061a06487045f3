"""What SIPF keeps of a problem's samples, and how many it wants (Chen et al. 2024, arXiv:2412.08393).

Right and wrong completions are filtered alike: an answer must be found, every equation must be true by itself, and of
completions with the same sequence of equations the one stays whose text is farthest from the others by summed edit
distance, as in RFT (Yuan et al. 2023, arXiv:2308.01825). So what is wrong about a wrong one is its reasoning, not its
arithmetic.

The authors' sampling loop tests the quota of right completions twice and never that of wrong ones; here both are
tested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rewards.sample import Sample
from rl.examples.keep import unlike
from rl.sampling.judge import judge
from verifiers.runtime.verifier import Verifier

FEW = 8
"""Completions of an earlier round below which half as many are wanted anew, and from which on a quarter."""


def sifted(
    samples: Sequence[Sample], *, answered: bool = True, equations: Verifier | None = None, distinct: bool = True
) -> list[Sample]:
    """The samples that count, in their order; those that nobody could judge do not.

    Args:
        samples: judged samples of any number of problems.
        answered: whether an answer must have been found.
        equations: a verifier that judges steps; a sample with a step that it finds wrong is left out.
        distinct: whether one stays for each problem, verdict and sequence of equations.
    """
    kept = [one for one in samples if one.right is not None and one.finish_reason == "stop"]
    if answered:
        kept = [one for one in kept if one.verdict is not None and one.verdict.extracted is not None]
    if equations is not None:
        looked = judge(kept, equations)
        kept = [one for one, seen in zip(kept, looked, strict=True) if not any(s.right is False for s in seen.steps)]
    if not distinct:
        return kept
    groups: dict[tuple[int, bool | None], list[Sample]] = defaultdict(list)
    for one in kept:
        groups[one.index, one.right].append(one)
    chosen = {id(one) for group in groups.values() for one in unlike(group)}
    return [one for one in kept if id(one) in chosen]


def wanted(there: int, first: int) -> int:
    """How many new completions of a kind a problem should get.

    Args:
        there: those that earlier rounds left.
        first: how many are wanted where there are none.
    """
    if not there:
        return first
    return there // 2 if there < FEW else there // 4


def lacking(
    problems: Sequence[int], fresh: Sequence[Sample], earlier: Sequence[Sample], right: int, wrong: int
) -> list[int]:
    """The problems of which this round has too few right or too few wrong samples, in order.

    Args:
        problems: those of this round.
        fresh: this round's samples, sifted.
        earlier: those of earlier rounds, sifted.
        right: right ones wanted of a problem in its first round.
        wrong: wrong ones wanted.
    """
    before, now = (Counter((one.index, one.right) for one in some) for some in (earlier, fresh))
    first = {True: right, False: wrong}
    return [
        index
        for index in problems
        if any(now[index, kind] < wanted(before[index, kind], first[kind]) for kind in first)
    ]
