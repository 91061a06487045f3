import random
import re

import pytest

from rl.errors import UserError
from rl.tasks import chain
from rl.tasks.task import split_of

SIZES = {"train": 300, "validation": 40, "test": 40}


def build(operations=(2, 4), seed=0, **habits):
    return chain.build(operations, SIZES, seed, **habits)


def every(task):
    return [row for rows in task.splits.values() for row in rows]


def by_hand(prompt):
    """The value, worked out by Python's own arithmetic one operation at a time."""
    value = int(prompt[0])
    for operator, operand in re.findall(r"([-+*])(\d)", prompt):
        value = eval(f"({value}{operator}{operand}) % 10")
    return str(value)


def test_golds_are_the_values_left_to_right_modulo_ten():
    rows = every(build())
    assert all(row["gold"] == by_hand(row["prompt"]) for row in rows)
    assert {len(re.findall(r"[-+*]", row["prompt"])) for row in rows} == {2, 3, 4}


def test_the_verifier_accepts_the_worked_answer_step_by_step():
    task = build()
    rows = every(task)
    verdicts = task.verifier([{**row, "prediction": chain.solve(row["prompt"])} for row in rows])
    assert all(v.score == 1.0 and all(step.score == 1.0 for step in v.steps) for v in verdicts)
    assert chain.solve("7*3-4+8?") == "7*3=1;1-4=7;7+8=5#5"


def test_splits_are_where_a_hash_of_the_problem_puts_them_whatever_the_seed():
    for seed in (0, 1):
        for split, rows in build(seed=seed).splits.items():
            assert len({row["prompt"] for row in rows}) == SIZES[split]
            assert {split_of(row["prompt"]) for row in rows} == {split}
    assert build(seed=0).splits == build(seed=0).splits != build(seed=1).splits


def test_too_few_problems_of_a_kind_are_said():
    with pytest.raises(UserError, match=r"task\.sizes: the task has too few different problems"):
        chain.build((1, 1), {"train": 1000, "validation": 1, "test": 1}, 0)


def test_demonstrations_come_from_train_alone_and_the_vocabulary_tiles_them():
    task = build()
    rng = random.Random(0)
    for _ in range(300):
        prompt, completion = task.demonstrate(rng)
        assert split_of(prompt) == "train"
        assert set(prompt + completion) <= set(task.vocabulary)


def test_the_demonstrator_skips_and_slips_as_often_as_told():
    rng = random.Random(0)
    prompts = [chain.problem(rng, 4, 4) for _ in range(2000)]
    lengths = [chain.solve(prompt, skip=0.6, rng=rng).count("=") for prompt in prompts]
    # the first of four steps is never skipped: 1 + 3 * 0.4 = 2.2 on average, with a standard error of 0.02
    assert abs(sum(lengths) / len(lengths) - 2.2) < 0.08
    slipped = 0
    for prompt in prompts:
        steps = re.findall(r"(\d)([-+*])(\d)=(\d)", chain.solve(prompt, slip=0.1, rng=rng))
        assert len(steps) == 4
        slipped += sum(int(result) != eval(f"({a}{op}{b}) % 10") for a, op, b, result in steps)
    # one step in ten of 8,000: a standard deviation of 27
    assert abs(slipped - 800) < 110


def test_hinted_demonstrations_show_the_answer_and_lead_to_it():
    task, rng = build(hinted=0.5), random.Random(0)
    drawn = [task.demonstrate(rng) for _ in range(400)]
    hinted = [(prompt, completion) for prompt, completion in drawn if prompt.count("?") == 2]
    assert 0.4 < len(hinted) / len(drawn) < 0.6
    assert all(completion.endswith(f"#{prompt[-2]}") for prompt, completion in hinted)
    assert all(by_hand(prompt.split("?")[0]) == prompt[-2] for prompt, _ in hinted)
    # given that the answer is right, skipping is rarer than it is by habit
    steps = [(completion.count("=") == len(re.findall(r"[-+*]", prompt))) for prompt, completion in hinted]
    plain = [(c.count("=") == len(re.findall(r"[-+*]", p))) for p, c in drawn if p.count("?") == 1]
    assert sum(steps) / len(steps) > 0.5 > sum(plain) / len(plain)


def test_demonstrations_that_were_told_how_to_answer_do_so():
    task, rng = build(told=0.5), random.Random(0)
    drawn = [task.demonstrate(rng) for _ in range(400)]
    by_steps, at_once = ([one for one in drawn if one[0].endswith(f"?{mark}")] for mark in ";#")
    assert 0.4 < (len(by_steps) + len(at_once)) / len(drawn) < 0.6 and min(len(by_steps), len(at_once)) > 60
    assert all(re.fullmatch(r"#\d", completion) for _, completion in at_once)
    assert all(completion.count("=") == len(re.findall(r"[-+*]", prompt)) for prompt, completion in by_steps)


def test_without_hints_the_demonstrations_are_as_they_were():
    """The cache of warm starts is kept by them."""
    plain, *same = (build(**how).demonstrate(random.Random(1)) for how in ({}, {"hinted": 0.0}, {"told": 0.0}))
    assert same == [plain, plain]
