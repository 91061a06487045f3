"""Judged samples made by hand, for tests of their consumers."""

from rewards.sample import Sample
from verifiers import abstained, judged


def judged_sample(text, reward, *, index=0, right=None, ids=(1,), prompt="p", steps=(), **more):
    """A sample with a reward; right where that is 1 or more unless it is said, and not judged where it is None."""
    right = reward >= 1.0 if right is None and reward is not None else right
    verdict = abstained("said so", steps=steps) if right is None else judged(right, steps=steps)
    given = {"finish_reason": "stop", **more}
    row = {"prompt": prompt, "gold": "g"}
    return Sample(row=row, text=text, ids=list(ids), index=index, reward=reward, verdict=verdict, **given)
