"""Which of a problem's samples SIPF keeps, and how many it needs (Chen et al. 2024, arXiv:2412.08393).

Right and wrong completions are filtered in the same way: an answer must be found, and every equation must be true by
itself. Of completions with the same sequence of equations, only the one is kept whose text is farthest from the others
by summed edit distance, as in RFT (Yuan et al. 2023, arXiv:2308.01825). So wrong completions that remain have wrong
reasoning, not wrong arithmetic.

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
"""With fewer completions than this from earlier rounds, half as many new ones are wanted; otherwise a quarter."""


def sifted(
    samples: Sequence[Sample], *, answered: bool = True, equations: Verifier | None = None, distinct: bool = True
) -> list[Sample]:
    """The samples that count, in their order. Samples that the verifier could not judge do not count.

    Args:
        samples: judged samples of any number of problems.
        answered: whether an answer must have been found.
        equations: a verifier that judges steps; a sample with a step that it finds wrong is left out.
        distinct: whether only one sample is kept for each problem, verdict and sequence of equations.
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
        there: number of completions from earlier rounds.
        first: number of completions wanted if there are none.
    """
    if not there:
        return first
    return there // 2 if there < FEW else there // 4


def lacking(
    problems: Sequence[int], fresh: Sequence[Sample], earlier: Sequence[Sample], right: int, wrong: int
) -> list[int]:
    """The problems for which this round has too few right or too few wrong samples, in order.

    Args:
        problems: indices of this round's problems.
        fresh: the samples of this round that passed the filter.
        earlier: the samples of earlier rounds that passed the filter.
        right: number of right samples wanted for a problem in its first round.
        wrong: number of wrong samples wanted for a problem in its first round.
    """
    before, now = (Counter((one.index, one.right) for one in some) for some in (earlier, fresh))
    first = {True: right, False: wrong}
    return [
        index
        for index in problems
        if any(now[index, kind] < wanted(before[index, kind], first[kind]) for kind in first)
    ]
