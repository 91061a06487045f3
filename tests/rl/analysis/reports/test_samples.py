"""The prompts that fail, and completions with their steps marked, from hand-written records."""

import pytest

from rl.analysis.reports.samples import examples, failing, shown
from rl.storage.run_folder import RunFolder
from tests.rl.analysis.reports.conftest import HOSTILE, answer
from verifiers import Step


def test_prompts_are_ordered_by_how_often_they_are_solved_and_what_was_not_judged_counts_nothing(hostile):
    found = failing(hostile)
    assert (found.never, found.sometimes, found.always) == (2, 0, 1)
    first, second = found.prompts  # never solved both, and the first earns less
    assert (first.prompt, first.gold, first.judged, first.solved, first.reward) == (f"b{HOSTILE}?", HOSTILE, 2, 0, 0.0)
    assert (second.prompt, second.judged, second.solved, second.reward) == ("c?", 1, 0, 0.5)
    assert [sample.figures["step"] for sample in first.samples] == [80, 40]  # the last one first
    assert first.samples[0].figures == {"step": 80, "reward": 0.0, "correctness": 0.0, "advantage": -0.5}
    assert first.samples[0].cut_off and not second.samples[0].cut_off
    assert second.samples[0].figures["correctness"] is None
    assert [piece.kind for piece in first.samples[0].pieces if piece.step] == ["right", "wrong"]


def test_a_run_without_judged_completions_has_no_failing_prompts(tmp_path):
    assert failing(RunFolder(tmp_path)) is None


@pytest.mark.parametrize(
    ("right", "status", "score", "steps", "says", "reason"),
    [
        (True, "judged", 1.0, (), "right", "why"),
        (True, "judged", 1.0, (Step(0, 1, "judged", 0.0, "no"),), "right", "but the first wrong step: no"),
        (False, "judged", 0.0, (Step(0, 1, "judged", 0.0, "no"),), "wrong", "the first wrong step: no"),
        (False, "judged", 0.5, (), "score 0.50", "why"),
        (None, "abstained", None, (Step(0, 1, "abstained", None, "?"),), "abstained", "why"),
    ],
)
def test_a_verdict_in_a_word_and_its_reason(right, status, score, steps, says, reason):
    one = shown("ab", steps, right=right, status=status, score=score, reason="why")
    assert (one.says, one.reason) == (says, reason)


def test_a_long_completion_is_cut_and_has_no_steps_after_the_cut():
    one = shown("x" * 2500, [Step(10, 20, "judged", 1.0), Step(2400, 2410, "judged", 0.0)], right=False)
    assert one.more == 500 and sum(len(piece.text) for piece in one.pieces) == 2000
    assert [piece.kind for piece in one.pieces if piece.step] == ["right"]


def test_answers_that_changed_come_first_and_records_of_older_versions_have_no_steps():
    same, changed = answer("a", 0.0), answer("b", 0.0)
    del same["steps"]
    after = [same, {**changed, "score": 1.0, "chain": False}]
    pairs = examples([{"split": "test", "examples": [same, changed]}, {"split": "test", "examples": after}])
    assert [pair["before"].pieces[0].text for pair in pairs] == ["b", "a"]
    assert pairs[0]["after"].reason == "but not by right steps"
    assert examples([]) == []
