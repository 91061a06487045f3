import random

import pytest

from rl.policy.warm_start import build_tokenizer
from rl.tasks import stories
from rl.tasks.forms import FORMS, in_form, steps_of
from rl.tasks.task import split_of

SIZES = {"train": 100, "validation": 10, "test": 20}
PROMPT = "Dan has 11 figs. Ann has 12 figs. Ann finds 9. Dan sells 2. Ann doubles theirs. How many figs has Ann?"
SOLUTION = (
    "Ann finds 9, so Ann has 12+9=<<12+9=21>>21 figs.\nAnn doubles theirs, so Ann has 21*2=<<21*2=42>>42 figs.\n#### 42"
)


def build(verifier="numeric", **habits):
    return stories.build((2, 3), SIZES, 0, verifier=verifier, **habits)


def test_a_story_is_solved_by_what_it_says_of_the_person_asked_about():
    assert stories.solve(PROMPT) == SOLUTION
    start, events = stories.events_of(PROMPT)
    assert (start, [(one.operator, one.operand) for one in events]) == (12, [("+", 9), ("*", 2)])


@pytest.mark.parametrize(
    ("form", "verifier"),
    [
        ("words", "numeric"),
        ("equations", "numeric"),
        ("system", "equation_system"),
        ("system_and_program", "equation_system"),
    ],
)
def test_the_verifier_of_a_form_accepts_each_solution_in_it(form, verifier):
    task = build(verifier)
    for rows in task.splits.values():
        for row in rows:
            prediction = in_form(form, task.solve(row), row["prompt"])
            (verdict,) = task.verifier([{**row, "prediction": prediction}])
            assert verdict.score == 1.0, prediction


def test_a_program_prints_the_answer(capsys):
    task = build("code")
    for row in task.splits["test"]:
        exec(in_form("program", task.solve(row), row["prompt"]), {})
        assert capsys.readouterr().out == f"{row['gold']}\n"


def test_every_step_after_the_first_uses_the_result_before_it_and_systems_hold_no_result():
    for row in build().splits["train"]:
        steps = steps_of(stories.solve(row["prompt"]), row["prompt"])
        assert [list(step.uses.values()) for step in steps] == [[], *([place] for place in range(len(steps) - 1))]


def test_the_vocabulary_tiles_each_form_and_splits_are_disjoint():
    task = build(guided=0.3)
    tokenizer = build_tokenizer(task.vocabulary)
    rng = random.Random(0)
    texts = [prompt + completion for prompt, completion in (task.demonstrate(rng) for _ in range(200))]
    for split, rows in task.splits.items():
        assert {split_of(row["prompt"]) for row in rows} == {split} and len(rows) == SIZES[split]
        texts += [task.solve(row) for row in rows]
    texts += [in_form(form, SOLUTION, PROMPT) for form in FORMS]
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids and tokenizer.decode(ids) == text


def test_the_demonstrator_leaves_events_out_and_gets_results_wrong():
    task = build()
    row = {"prompt": PROMPT, "gold": "42"}
    rng = random.Random(0)
    drawn = [task.demonstrate_on(row, rng, slip=0.0) for _ in range(4000)]
    assert sum(text != SOLUTION for text in drawn) / 4000 == pytest.approx(0.6, abs=0.03)
    drawn = [task.demonstrate_on(row, rng, skip=0.0) for _ in range(4000)]
    assert sum("=21>>" not in text for text in drawn) / 4000 == pytest.approx(0.1, abs=0.02)


def test_a_guide_is_followed_on_one_line():
    prompt, answer = stories.with_guide(PROMPT)
    assert prompt == (
        f"{PROMPT}\n1. Ann finds 9, so Ann has 12+9 figs.\n2. Ann doubles theirs, so Ann has (result 1)*2 figs.\n"
    )
    assert answer == "12+9=21 21*2=42 #### 42"
