"""Tailored teaching: the student is examined, and a fit has the given examples of what it failed.

As in Learn-to-Reason (Wang et al. 2023, arXiv:2310.13332, section 3): in each round the student answers some training
problems, and the teacher's rationales of those that it got wrong are what it learns next.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from rewards.sample import Sample
from rl.examples.hints import failed_rows
from rl.examples.pairs import Pair


def tailored(examples: Sequence[Sample | Pair], exam: Sequence[Sample], of: str, seed: int) -> list[Sample | Pair]:
    """The given examples that a round's fit has, in their order.

    Args:
        examples: all of them.
        exam: the round's judged samples.
        of: `failed`, those of problems without a right sample; `as_many`, as many, drawn from all of them, against
            which the choice can be measured; `all`.
        seed: of the draw.
    """
    if of == "all":
        return list(examples)
    failed = set(failed_rows(exam))
    chosen = [one for one in examples if _index(one) in failed]
    if of == "failed":
        return chosen
    places = random.Random(f"as many as failed {seed}").sample(range(len(examples)), len(chosen))
    return [examples[place] for place in sorted(places)]


def _index(example: Sample | Pair) -> int:
    return example.chosen.index if isinstance(example, Pair) else example.index
