"""Examples by the task's demonstrator, and columns dealt out anew."""

import random
from collections import Counter

import pytest

from rl.config.examples import Examples, ExampleSource
from rl.config.sections import ChainTask
from rl.errors import UserError
from rl.examples.reading import IMITATED, read
from rl.examples.records import permuted, records
from rl.tasks import chain, facts
from rl.tasks.files import Record
from rl.tasks.sources import Source


def given(task, seed=0, **source):
    found = read(
        Examples(data={"d": {"data": "demonstrator", **source}}), task, ChainTask(name="chain"), IMITATED, seed
    )
    return [(row.row["prompt"], row.texts[0]) for row in found.rows["d"]]


def test_the_demonstrator_answers_each_problem_so_many_times_in_its_habits(task):
    rows = given(task, each=3, rows=9, habits={"skip": 0.0, "slip": 0.0, "vary": 0.5})
    problems = [row["prompt"] for row in task.splits["train"][:3]]
    assert [prompt for prompt, _ in rows] == [problem for problem in problems for _ in range(3)]
    assert all(text.endswith("#" + chain.solve(prompt)[-1]) for prompt, text in rows)
    assert any(text != chain.solve(prompt) for prompt, text in rows)


def test_what_it_says_is_decided_by_the_seed(task):
    assert given(task, each=2) == given(task, each=2) != given(task, each=2, seed=1)


def test_habits_of_facts_are_its_own():
    task = facts.build({"train": 20, "validation": 2, "test": 2}, 0)
    rows = given(task, habits={"at_once": 0.0, "careful": 1.0, "slip": 0.0})
    wanted = {row["prompt"]: f"{row['rationale']} Answer: ({row['gold']})" for row in task.splits["train"]}
    assert dict(rows) == wanted


def test_a_habit_that_the_demonstrator_lacks_is_named(task):
    with pytest.raises(UserError, match=r"habits.skp: the demonstrator of chain has no such habit; .*skip"):
        given(task, habits={"skp": 0.1})


def test_a_task_without_a_demonstrator_is_refused(task):
    from dataclasses import replace

    with pytest.raises(UserError, match="has no demonstrator"):
        given(replace(task, demonstrate_on=None))


def test_habits_of_another_source_are_refused():
    with pytest.raises(ValueError, match="each and habits apply to the demonstrator alone"):
        Examples(data={"d": {"data": "x.jsonl", "each": 2}})


def test_sources_that_all_weigh_nothing_are_refused():
    with pytest.raises(ValueError, match="every source has weight 0"):
        Examples(data={"d": {"data": "x.jsonl", "weight": 0}})


@pytest.mark.parametrize(
    ("splits", "taken"),
    [
        (["train", "unsupervised", "test"], ["train"]),
        (["Training", "dev"], ["Training"]),
        (["easy", "hard", "validation"], ["easy", "hard"]),
    ],
)
def test_of_data_with_splits_the_train_split_is_taken_or_all_that_is_not_held_out(task, monkeypatch, splits, taken):
    def opened(data):
        return [Source(data, [Record(1, {"completion": name})], False, name) for name in splits]

    monkeypatch.setattr("rl.examples.records.open_sources", opened)
    found = records(ExampleSource(data="some/data"), task, {}, random.Random(0))
    assert [columns["completion"] for _, columns, _ in found] == taken


def test_permuted_columns_keep_their_values_and_leave_the_others():
    rows = [(f"row {i}", {"a": i, "b": -i, "c": i}, None) for i in range(20)]
    new = list(permuted(rows, ["a", "b"], random.Random(0)))
    assert [data["c"] for _, data, _ in new] == list(range(20))
    assert Counter(data["a"] for _, data, _ in new) == Counter(range(20))
    assert all(data["b"] == -data["a"] for _, data, _ in new)
    assert [data["a"] for _, data, _ in new] != list(range(20))
    with pytest.raises(UserError, match="row 0 has no column 'd'"):
        list(permuted(rows, ["d"], random.Random(0)))


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("full", "7*3=1;1-4=7;7+8=5#5"),
        ("long", "7+7=4;4+7=1;1-4=7;7+8=5#5"),
        ("swapped", "3*7=1;1-4=7;8+7=5#5"),
        ("answer", "#5"),
    ],
)
def test_a_style_is_a_way_to_write_the_same_working(style, text):
    assert chain.solve("7*3-4+8?", style=style) == text


def test_a_product_by_nothing_or_one_is_no_sum():
    assert chain.solve("7*0+1?", style="long") == "7*0=0;0+1=1#1"
    assert chain.solve("7*1+1?", style="long") == "7*1=7;7+1=8#8"


def test_steps_written_in_other_ways_are_true_and_lead_to_the_same():
    rng = random.Random(1)
    seen = set()
    for _ in range(200):
        prompt = chain.problem(rng, 2, 3)
        text = chain.solve(prompt, vary=0.7, rng=rng)
        working, _, answer = text.partition("#")
        assert answer == chain.solve(prompt)[-1]
        for step in working.split(";"):
            left, operator, right, result = step[0], step[1], step[2], step[4]
            assert chain.apply(operator, int(left), int(right)) == int(result), text
        seen.add(working.count(";") - chain.solve(prompt).count(";"))
    assert seen >= {0, 1}


def test_a_style_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="expected one of full, long, swapped, answer, got 'x'"):
        chain.solve("1+1?", style="x")
