"""The curriculum: a prompt's weight by its solve rate, the rate's memory, and the draw."""

import math

import numpy as np
import pytest

from rl.config.online import Curriculum
from rl.sampling.curriculum import PromptSampler


def prompts(count, seed=0, **settings):
    return PromptSampler([{} for _ in range(count)], Curriculum(**settings), seed)


def test_the_weight_of_a_prompt_is_highest_at_half_solved_and_never_below_the_floor():
    those = prompts(6, floor=0.1)
    those.update([1, 2, 3, 4, 5], [0.5, 0.25, 0.9, 0.0, 1.0])
    # 4 p (1 - p): 0.75 for a quarter, 0.36 for nine tenths; 0 becomes the floor; never drawn counts as a half
    assert those.weights() == pytest.approx([1.0, 1.0, 0.75, 0.36, 0.1, 0.1])


def test_the_solve_rate_remembers_its_past_by_the_memory():
    those = prompts(2, memory=0.7)
    those.update([0], [0.5])  # the first share has no past
    assert those.solved[0] == 0.5
    those.update([0], [1.0])  # 0.7 x 0.5 + 0.3 x 1
    assert those.solved[0] == pytest.approx(0.65)
    those.update([0, 0], [0.0, 0.0])  # 0.65 x 0.7 x 0.7
    assert those.solved[0] == pytest.approx(0.3185)
    assert np.isnan(those.solved[1])


def test_a_share_that_is_not_known_says_nothing():
    those = prompts(2)
    those.update([0, 1], [math.nan, 0.5])
    those.update([1], [math.nan])
    assert np.isnan(those.solved[0]) and those.solved[1] == 0.5


def test_prompts_are_drawn_by_their_weights():
    those = prompts(4, seed=1, floor=0.1)
    those.update([0, 1, 2, 3], [0.5, 0.25, 0.0, 1.0])
    counts = np.bincount([those.draw(1)[0] for _ in range(4000)], minlength=4)
    wanted = np.array([1.0, 0.75, 0.1, 0.1]) / 1.95
    # four standard deviations of a share of 4000 draws
    assert (np.abs(counts / 4000 - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / 4000)).all()


@pytest.mark.parametrize("settings", [None, Curriculum()])
def test_prompts_of_a_draw_are_distinct_as_long_as_there_are_enough(settings):
    those = PromptSampler([{}] * 5, settings, seed=0)
    assert all(len(set(those.draw(5))) == 5 for _ in range(3))


def test_a_draw_beyond_the_split_repeats_it():
    drawn = prompts(3).draw(8)
    assert sorted(drawn[:3]) == [0, 1, 2]
    assert drawn == (drawn[:3] * 3)[:8]


def test_without_a_curriculum_every_prompt_comes_once_a_pass_and_in_another_order():
    those = PromptSampler([{}] * 20, None, seed=0)
    drawn = [index for _ in range(5) for index in those.draw(8)]
    first, second = drawn[:20], drawn[20:]
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    those.update([3], [0.25])
    those.update([3], [0.75])
    assert those.solved[3] == 0.75  # nothing is remembered; it is only shown


@pytest.mark.parametrize("settings", [None, Curriculum(memory=0.5)])
def test_a_saved_state_goes_on_with_the_same_draws(settings):
    rows = [{}] * 10
    whole, part = PromptSampler(rows, settings, seed=3), PromptSampler(rows, settings, seed=3)
    for those in (whole, part):
        those.update(those.draw(4), [0.0, 0.25, 0.75, 1.0])
    resumed = PromptSampler(rows, settings, seed=99)
    resumed.load_state_dict(part.state_dict())
    for _ in range(4):
        drawn = whole.draw(4)
        assert resumed.draw(4) == drawn
        whole.update(drawn, [0.5] * 4)
        resumed.update(drawn, [0.5] * 4)
