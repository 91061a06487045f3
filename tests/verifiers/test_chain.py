import pytest

from verifiers.chain import verify


def scores(prediction, prompt="7*3-4+8?", gold="5"):
    return [step.score for step in verify(prediction, gold, prompt=prompt).steps]


def test_a_whole_chain_is_right_step_by_step():
    verdict = verify("7*3=1;1-4=7;7+8=5#5", "5", prompt="7*3-4+8?")
    assert (verdict.status, verdict.score, verdict.extracted) == ("judged", 1.0, "5")
    assert [(s.start, s.end, s.score) for s in verdict.steps] == [(0, 5, 1.0), (6, 11, 1.0), (12, 17, 1.0)]


def test_a_skipped_step_is_wrong_even_when_the_answer_is_right():
    verdict = verify("7*3=1;1+8=5#5", "5", prompt="7*3-4+8?")
    assert verdict.score == 1.0
    assert [s.score for s in verdict.steps] == [1.0, 0.0, 0.0]


def test_a_slip_is_wrong_and_what_follows_is_judged_on_what_is_written():
    assert scores("7*3=2;2-4=8;8+8=6#6") == [0.0, 1.0, 1.0]


def test_jumping_to_the_answer_blames_the_answer():
    verdict = verify("7*3=1#5", "5", prompt="7*3-4+8?")
    assert [(s.start, s.end, s.score) for s in verdict.steps] == [(0, 5, 1.0), (5, 7, 0.0)]


def test_no_mark_is_a_wrong_answer_and_nothing_extracted():
    verdict = verify("7*3=1;", "5", prompt="7*3-4+8?")
    assert (verdict.score, verdict.extracted) == (0.0, None)


def test_more_steps_than_operations_are_wrong():
    assert scores("7*3=1;1-4=7;7+8=5;5+0=5#5") == [1.0, 1.0, 1.0, 0.0]


def test_an_empty_completion_is_wrong_not_broken():
    verdict = verify("", "5", prompt="7*3-4+8?")
    assert (verdict.status, verdict.score) == ("judged", 0.0)


def test_an_equation_by_itself_is_judged_whatever_the_problem_asks_for():
    verdict = verify("7*3=1;1+8=0#9", "5", prompt="7*3-4+8?", arithmetic=True)
    assert [step.score for step in verdict.steps] == [1.0, 0.0] and verdict.score == 0.0


def test_a_prompt_that_is_no_problem_is_named():
    for prompt in ("", "What is 1+1?"):
        with pytest.raises(ValueError, match="expected a problem such as"):
            verify("1+1=2#2", "2", prompt=prompt)
