"""Tailored teaching: each round examines the student, and the next fit uses the given examples of problems it failed.

As in Learn-to-Reason (Wang et al. 2023, arXiv:2310.13332, section 3): in each round the student answers some training
problems, and then learns from the teacher's rationales for the problems that it got wrong.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from rewards.sample import Sample
from rl.examples.hints import failed_rows
from rl.examples.pairs import Pair


def tailored(examples: Sequence[Sample | Pair], exam: Sequence[Sample], of: str, seed: int) -> list[Sample | Pair]:
    """The given examples that a round fits on, in their original order.

    Args:
        examples: all given examples.
        exam: the round's judged samples.
        of: `failed` takes the examples of problems without a right sample; `as_many` draws the same number at random
            from all examples, as a control for that choice; `all` takes every example.
        seed: seed of the draw.
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
