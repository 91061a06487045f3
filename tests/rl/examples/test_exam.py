"""Tailored teaching: which given examples a round has after its exam."""

import pytest

from rewards.sample import Sample
from rl import config as configuration
from rl.errors import UserError
from rl.examples.exam import tailored
from rl.examples.pairs import Pair
from tests.test_configs import CONFIGS
from verifiers import abstained, judged


def answered(index, *right):
    said = [abstained("no") if one is None else judged(one) for one in right]
    return [Sample({"prompt": f"q{index}"}, "", [], "stop", index=index, verdict=verdict) for verdict in said]


EXAM = [*answered(0, False, False), *answered(1, True, False), *answered(2, None, None), *answered(3, False, None)]
GIVEN = [Sample({"prompt": f"q{index}"}, "done", [], "stop", index=index) for index in (0, 0, 1, 2, 3, 4, -1)]


def test_what_was_never_right_is_taught_and_nothing_that_was_not_asked_or_judged():
    assert [one.index for one in tailored(GIVEN, EXAM, "failed", 0)] == [0, 0, 3]


def test_as_many_are_drawn_from_all_of_them_in_their_order():
    drawn = [tailored(GIVEN, EXAM, "as_many", seed) for seed in range(20)]
    places = [[next(at for at, other in enumerate(GIVEN) if other is one) for one in own] for own in drawn]
    assert all(len(own) == 3 and own == sorted(set(own)) for own in places)
    assert {at for own in places for at in own} == set(range(7))
    assert places[0] != places[1] or places[1] != places[2]
    assert tailored(GIVEN, EXAM, "all", 0) == GIVEN


def test_a_pair_is_known_by_its_chosen_completion():
    pairs = [Pair(one, GIVEN[-1]) for one in GIVEN[:4]]
    assert tailored(pairs, EXAM, "failed", 0) == pairs[:2]


def test_without_sampling_there_is_no_exam():
    with pytest.raises(UserError, match=r"algorithm.examples.of: depends on sampled completions"):
        configuration.load(CONFIGS / "papers" / "student.yaml", ["algorithm.examples={data: task, of: failed}"])
