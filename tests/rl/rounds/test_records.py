"""Figures of a round's samples, by hand."""

import math

import pytest

from rl.rounds.records import numbers_of_round, standard_error
from tests.rl.samples import judged_sample


def test_the_standard_error_is_that_of_the_prompts_means():
    # means 1/2, 1, 0: their standard deviation is 1/2
    assert standard_error([(0, 1.0), (0, 0.0), (1, 1.0), (2, 0.0)]) == pytest.approx(0.5 / math.sqrt(3))
    assert standard_error([(0, 1.0), (0, 0.0)]) is None


def test_hinted_samples_are_left_out_of_a_rounds_figures():
    plain = [judged_sample("a", 1.0, index=0), judged_sample("b", 0.0, index=1, finish_reason="length")]
    hinted = [judged_sample("c", 1.0, index=1, hinted=True)] * 6
    figures = numbers_of_round([*plain, judged_sample("d", None, index=2), *hinted])
    assert figures["rounds/right"] == 0.5 and figures["rounds/score"] == 0.5
    assert figures["rounds/right_error"] == pytest.approx(math.sqrt(0.5) / math.sqrt(2))
    assert figures["rounds/not_judged"] == pytest.approx(1 / 3)
    assert figures["rounds/cut_off"] == pytest.approx(1 / 3)
