"""Strategies: a problem is sampled under several prompts, and the best one's answers are learnt under the plain prompt.

As in Orca 2 (Mitra et al. 2023, arXiv:2311.11045, section 4): of several ways to answer (at once, step by step, …) the
one that serves a problem best is found, and the student learns its answers with the instruction erased from the prompt,
so that it has to choose the way itself. There, a teacher answers and people choose the strategy for each kind of task;
here the policy answers, and the rewards choose for each problem.

Nothing is filtered for what a template gives away. If one shows the answer, a completion may copy it;
`algorithm.hints` (`rl/examples/hints.py`) is for that.
"""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Sequence

from rewards.sample import Sample


def of_the_best(samples: Sequence[Sample], *, permuted: bool = False) -> tuple[list[Sample], dict[str, float]]:
    """The samples of each problem's best strategy, in their order, and how often each strategy is the best.

    The best strategy of a problem has the highest mean reward over its samples; of equal ones, the first that was
    sampled. Samples without a reward do not count, and a problem without any reward has no best strategy.

    Args:
        samples: judged samples of any number of problems and rounds.
        permuted: whether each problem gets the strategy that is best for another one instead, as a negative control.

    Returns:
        The samples, and `rounds/best/NAME` → share of the problems with a best strategy.
    """
    rewards: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in samples:
        if one.reward is not None and one.strategy is not None:
            rewards[one.index][one.strategy].append(one.reward)
    best = {
        index: max(of_strategy, key=lambda name: statistics.fmean(of_strategy[name]))
        for index, of_strategy in rewards.items()
    }
    names = list(dict.fromkeys(one.strategy for one in samples if one.strategy is not None))
    shares = {f"rounds/best/{name}": list(best.values()).count(name) / len(best) for name in names if best}
    if permuted:
        best = dict(zip(best, random.Random("strategies").sample(list(best.values()), len(best)), strict=True))
    return [one for one in samples if one.strategy is not None and best.get(one.index) == one.strategy], shares
