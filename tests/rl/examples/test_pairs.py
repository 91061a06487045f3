from rl.examples.pairs import pairs
from tests.rl.samples import judged_sample


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
