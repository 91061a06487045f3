import dataclasses

from rl.examples.pairs import pairs
from tests.rl.samples import judged_sample
from verifiers import abstained
from verifiers import judged as verdict


def one(text, score, *, row=0, finish="stop", length=1):
    return judged_sample(text, score, index=row, finish_reason=finish, ids=[1] * length)


def texts(made):
    return [(pair.chosen.text, pair.rejected.text) for pair in made]


def test_the_best_goes_against_the_worst():
    assert texts(pairs([one("b", 0.5), one("a", 1.0), one("c", 0.0)], cap=1)) == [("a", "c")]


def test_every_right_one_goes_against_every_wrong_one_up_to_the_cap():
    group = [one("a", 1.0), one("b", 1.0), one("c", 0.0), one("d", 0.0)]
    assert set(texts(pairs(group, form="all"))) == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")}
    assert len(pairs(group, form="all", cap=3)) == 3


def test_without_a_worse_one_there_is_no_pair():
    assert pairs([one("a", 1.0), one("b", 1.0)]) == [] == pairs([one("a", 0.0), one("b", 0.0)], form="all")


def test_the_margin_has_to_be_passed_not_met():
    assert pairs([one("a", 0.75), one("b", 0.5)], margin=0.25) == []
    assert texts(pairs([one("a", 0.75), one("b", 0.25)], margin=0.25)) == [("a", "b")]


def test_identical_texts_abstentions_and_other_prompts_make_no_pair():
    assert pairs([one("a", 1.0), one("a", 0.0)]) == []
    assert pairs([one("a", 1.0), one("b", None)]) == []
    assert pairs([one("a", 1.0, row=0), one("b", 0.0, row=1)]) == []


def test_a_completion_that_was_cut_off_is_never_chosen():
    assert pairs([one("a", 1.0, finish="length"), one("b", 0.0)]) == []
    assert texts(pairs([one("a", 1.0), one("b", 0.0, finish="length")])) == [("a", "b")]


def test_balanced_pairs_are_equally_long_in_sum():
    group = [one("a", 1.0, length=4), one("b", 0.0, length=6), one("c", 0.0, length=2), one("d", 0.0, length=9)]
    made = pairs(group, form="all", cap=2, balance_length=True)
    assert sum(len(p.chosen.ids) - len(p.rejected.ids) for p in made) == 0
    assert set(texts(made)) == {("a", "b"), ("a", "c")}


def test_one_that_was_cut_off_may_be_left_out_altogether():
    group = [one("a", 1.0), one("b", 0.0, finish="length"), one("c", 0.5)]
    assert texts(pairs(group, cap=1)) == [("a", "b")]
    assert texts(pairs(group, cap=1, cut_off=False)) == [("a", "c")]


def judged(text, score, right, **more):
    """A sample whose score does not follow from whether it is right."""
    said = abstained("said so") if right is None else verdict(right)
    return dataclasses.replace(one(text, score, **more), verdict=said)


def test_in_all_pairs_the_chosen_is_right_and_ended_and_the_rejected_wrong():
    right, wrong = one("a", 1.0), one("z", 0.0)
    for sample in (judged("b", 0.5, True), judged("c", 0.5, None), judged("d", 2.0, True, finish="length")):
        assert ("a", sample.text) not in texts(pairs([right, sample], form="all"))
    for sample in (judged("c", 0.5, None), judged("d", 2.0, True, finish="length"), judged("e", 0.5, False)):
        assert pairs([sample, wrong], form="all") == []


def test_the_largest_differences_come_first():
    group = [one("a", 1.0), judged("b", 0.9, True), judged("c", 0.8, False), one("d", 0.0)]
    # differences 1.0, 0.9, 0.2 and 0.1
    assert texts(pairs(group, form="all")) == [("a", "d"), ("b", "d"), ("a", "c"), ("b", "c")]


def test_of_equal_scores_the_first_drawn_is_chosen():
    assert texts(pairs([one("b", 1.0), one("a", 1.0), one("c", 0.0)], cap=1)) == [("b", "c")]


def test_every_prompt_has_its_pairs_and_four_at_most_where_nothing_else_is_said():
    group = [one(f"{row}{n}", float(n >= 3), row=row) for row in (0, 1) for n in range(6)]
    made = pairs(group, form="all")  # 3 x 3 a prompt
    assert [pair.chosen.index for pair in made] == [0] * 4 + [1] * 4


def test_lengths_are_balanced_only_where_asked():
    group = [one("a", 1.0, length=7), one("b", 0.0, length=2), judged("c", 0.5, False, length=7)]
    assert texts(pairs(group, form="all", cap=1)) == [("a", "b")]
    assert texts(pairs(group, form="all", cap=1, balance_length=True)) == [("a", "c")]


def test_balancing_takes_next_what_leaves_the_sum_of_differences_nearest_to_zero():
    # chosen less rejected: a 1, b -2, c 1, d 2; sums a: 1, b: -1, c: 0, d: 2
    rejected = [("a", 9), ("b", 12), ("c", 9), ("d", 8)]
    wrong = [judged(text, place / 10, False, length=length) for place, (text, length) in enumerate(rejected)]
    made = pairs([one("right", 1.0, length=10), *wrong], form="all", balance_length=True)
    assert [pair.rejected.text for pair in made] == ["a", "b", "c", "d"]
    (nearest,) = pairs([one("right", 1.0, length=10), *reversed(wrong[1:])], form="all", cap=1, balance_length=True)
    assert nearest.rejected.text == "c"


def test_random_pairs_are_right_against_wrong_whatever_their_scores():
    group = [one(f"r{n}", 1.0 + n) for n in range(6)] + [one(f"w{n}", -1.0 * n) for n in range(6)]
    made = pairs(group, form="random", cap=4)
    assert len(made) == len(set(texts(made))) == 4 and made == pairs(group, form="random", cap=4)
    assert all(pair.chosen.right and pair.rejected.right is False for pair in made)
    assert texts(made) != texts(pairs(group, form="all", cap=4))
