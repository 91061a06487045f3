import pytest

from rl.examples.sift import lacking, sifted, wanted
from tests.rl.samples import judged_sample
from verifiers import judged
from verifiers.runtime.verifier import Verifier

EQUATIONS = Verifier("chain", arithmetic=True)


def one(text, right, *, row=0, answer="5", **more):
    made = judged_sample(text, None if right is None else float(right), index=row, right=right, prompt="2+3-1?", **more)
    if right is None:
        return made
    return type(made)(**{**{name: getattr(made, name) for name in made.__slots__},
                         "verdict": judged(right, extracted=answer)})  # fmt: skip


def texts(samples):
    return [sample.text for sample in samples]


def test_what_has_no_answer_was_cut_off_or_could_not_be_judged_does_not_count():
    no_answer, cut, unknown = (
        one("2+3=5", False, answer=None),
        one("2+3", False, finish_reason="length"),
        one("x", None),
    )
    assert texts(sifted([one("a", True), no_answer, cut, unknown, one("b", False)])) == ["a", "b"]
    assert len(sifted([no_answer], answered=False)) == 1


def test_a_false_equation_counts_neither_right_nor_wrong_and_a_skipped_step_does():
    slip, skip = one("2+3=6;6-1=5#5", False), one("2+3=5#5", False)
    assert texts(sifted([slip, skip, one("2+3=5;5-1=4#4", True)], equations=EQUATIONS)) == ["2+3=5#5", "2+3=5;5-1=4#4"]


def test_of_right_and_of_wrong_ones_with_the_same_equations_one_stays_each():
    right = [one("so 2+3=5", True), one("So 2+3=5", True), one("and in the end 2+3=5", True)]
    assert texts(sifted([*right, one("2+3=5", False)])) == ["and in the end 2+3=5", "2+3=5"]
    assert len(sifted([*right, one("2+3=5", False)], distinct=False)) == 4


@pytest.mark.parametrize(("there", "new"), [(0, 4), (1, 0), (2, 1), (7, 3), (8, 2), (20, 5)])
def test_later_rounds_want_half_of_what_is_there_and_a_quarter_of_eight_or_more(there, new):
    assert wanted(there, 4) == new


def test_a_problem_lacks_as_long_as_either_quota_does():
    """The authors' loop tests the quota of right ones twice and never that of wrong ones."""
    enough = [one(f"r{n}", True) for n in range(2)]
    assert lacking([0], enough, [], right=2, wrong=0) == []
    assert lacking([0], enough, [], right=2, wrong=1) == [0]
    assert lacking([0, 1], [*enough, one("w", False)], [], right=2, wrong=1) == [1]
    earlier = [one(f"e{n}", right) for n in range(2) for right in (True, False)]
    assert lacking([0], [one("r", True), one("w", False)], earlier, right=4, wrong=4) == []
