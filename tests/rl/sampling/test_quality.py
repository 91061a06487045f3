"""Figures about judged completions, counted by hand."""

from rewards.sample import Sample
from rl.sampling.quality import quality, repeated
from verifiers import Verdict


def sample(ids, status="judged", score=0.0):
    return Sample({}, "", ids, "stop", verdict=Verdict(status, score if status == "judged" else None))


def test_what_nobody_judged_is_not_wrong():
    samples = [sample([1], score=1.0), sample([1]), sample([1], "abstained"), sample([1], "failed")]
    assert quality(samples) == {"right": 0.5, "abstained": 0.25, "failed": 0.25, "repetition": 0.0}


def test_a_draw_that_nobody_judged_has_no_share_of_right_ones():
    assert "right" not in quality([sample([1], "abstained")])


def test_repetition_is_the_mean_share_of_4_grams_that_were_there_before():
    # of the first one's five 4-grams three are different; the second has none twice
    assert repeated([sample([1, 2, 3, 1, 2, 3, 1, 2]), sample([1, 2, 3, 4, 5])]) == (2 / 5) / 2
