from rl.examples.keep import equation_sequence, keep
from tests.rl.samples import judged_sample


def one(text, score=1.0, *, row=0, finish="stop"):
    return judged_sample(text, score, index=row, finish_reason=finish)


def kept(*samples, **settings):
    return [sample.text for sample in keep(samples, **settings)]


def test_wrong_abstained_and_cut_off_completions_are_not_kept():
    assert kept(one("1+1=2"), one("1+1=3", 0.0), one("x", None), one("2+2=4", finish="length")) == ["1+1=2"]


def test_wrong_ones_are_kept_where_their_form_alone_is_scored():
    formed = [judged_sample("so it is", 1.0, right=False), judged_sample("no", 0.5, right=False)]
    assert kept(*formed) == [] and kept(*formed, wrong=True) == ["so it is"]
    assert kept(one("so it", finish="length"), one("so", None), wrong=True) == []


def test_of_one_sequence_of_equations_the_text_farthest_from_the_others_stays():
    alike, far = "so 1+1=2", "and therefore in the end 1 + 1 = 2"
    assert kept(one(alike), one("So 1+1=2"), one(far)) == [far]
    assert len(kept(one(alike), one(far), distinct=False)) == 2


def test_the_quota_holds_a_prompt():
    samples = [one(f"1+{n}={n + 1}", row=row) for row in (0, 1) for n in range(5)]
    assert len(kept(*samples, quota=2)) == 4


def test_equations_are_read_without_their_spaces():
    assert equation_sequence("7*3=1;1-4=7#7") == ("7*3=1", "1-4=7")
    assert equation_sequence("He has 5 + 3 = 8 apples, then 8 - 2 = 6.") == ("5+3=8", "8-2=6")
    assert equation_sequence("no numbers") == ("no numbers",)


def test_four_a_prompt_are_kept_where_nothing_else_is_said():
    assert len(kept(*[one(f"1+{n}={n + 1}") for n in range(6)])) == 4


def test_the_highest_scores_fill_the_quota():
    samples = [judged_sample(text, score, right=True) for text, score in [("a", 0.5), ("b", 0.0), ("c", 2.0)]]
    assert kept(*samples, threshold=0.0, quota=2) == ["c", "a"]


def test_of_equal_scores_the_first_drawn_fill_the_quota():
    assert kept(one("a"), one("b"), one("c"), distinct=False, quota=2) == ["a", "b"]


def test_a_text_is_kept_as_often_as_it_was_sampled_where_frequencies_are_learnt():
    assert sorted(kept(one("a"), one("b"), one("a"), distinct=False)) == ["a", "b"]
    assert kept(one("a"), one("b"), one("a"), distinct=False, repeats=True) == ["a", "b", "a"]
