"""The recipes of `configs/papers/`: each arm loads, and holds what its comment says is held."""

import re
from pathlib import Path

import pytest

from rl import tasks
from rl.config import load, load_stages
from rl.config.layers import arms
from rl.errors import UserError
from rl.examples.reading import rows_of

ROOT = Path(__file__).parents[1]
FILES = {file.stem: file for file in sorted((ROOT / "configs" / "papers").glob("*.yaml"))}
RECIPES = {name: file for name, file in FILES.items() if arms(file)}
ARMS = [(name, arm) for name, file in RECIPES.items() for arm in arms(file)]


def of(name, arm):
    return load(RECIPES[name], arms(RECIPES[name])[arm])


def examples(config):
    """Source → its rows, each as often as its weight says on average."""
    found = rows_of(config, tasks.load(config))
    return {name: (rows, config.algorithm.examples.data[name].weight) for name, rows in found.rows.items()}


def tokens_learnt(config):
    """Tokens of completions that a fit learns from, on average: a character and an end each on `chain`."""
    weighed = [(len(row.texts[0]) + 1, weight) for rows, weight in examples(config).values() for row in rows]
    mean = sum(length * weight for length, weight in weighed) / sum(weight for _, weight in weighed)
    return mean * config.trainer["max_steps"] * config.trainer["per_device_train_batch_size"]


@pytest.mark.parametrize(("name", "arm"), ARMS, ids=[f"{name}: {arm}" for name, arm in ARMS])
def test_an_arm_loads(name, arm):
    given = arms(RECIPES[name])[arm]
    assert load_stages(RECIPES[name], given) or load(RECIPES[name], given)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_it_is_and_has_the_method_and_a_control(name):
    comment = "".join(line for line in RECIPES[name].read_text().splitlines(keepends=True) if line.startswith("#"))
    assert re.search(r"arXiv:\d{4}\.\d{5}", comment) and "claim" in comment
    assert f"whetstone train configs/papers/{name}.yaml" in comment and f"make papers ONLY={name}" in comment
    variants = arms(RECIPES[name])
    assert [] in variants.values(), "no arm is the file as it is"
    assert any(arm.startswith("control: ") for arm in variants)
    assert len({tuple(overrides) for overrides in variants.values()}) == len(variants)


def test_arms_are_no_part_of_the_run_and_must_be_lists_of_overrides(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ntask: chain\narms: {b: trainer.max_steps=1}\n")
    with pytest.raises(UserError, match=r"arms: expected name: \[key=value, ...\], got"):
        load(tmp_path / "a.yaml")


@pytest.mark.parametrize("questions_of", ["D = 1", "D = 2", "D = 4", "answers alone"])
def test_fine_tune_cot_has_the_same_questions_and_steps_with_every_d(questions_of):
    one, whole = of("fine_tune_cot", questions_of), of("fine_tune_cot", "D = 8")
    ((few, _),), ((many, _),) = examples(one).values(), examples(whole).values()
    assert dict.fromkeys(row.row["prompt"] for row in few) == dict.fromkeys(row.row["prompt"] for row in many)
    assert len(many) == 8 * len({row.row["prompt"] for row in many}) and one.trainer == whole.trainer


def test_mix_distillation_learns_from_as_many_tokens_in_every_arm():
    whole = tokens_learnt(of("mix_distillation", "a fifth long"))
    for arm in ("no long ones", "half long", "all long", "smaller, all long"):
        assert tokens_learnt(of("mix_distillation", arm)) == pytest.approx(whole, rel=0.01), arm
    (longer, _), (short, _) = examples(of("mix_distillation", "half long")).values()
    assert [row.row["prompt"] for row in longer] == [row.row["prompt"] for row in short]


def test_skintern_takes_as_many_steps_with_every_schedule():
    lengths = {
        (len(fade.shares), fade.passes)
        for arm in arms(RECIPES["skintern"])
        if (fade := of("skintern", arm).algorithm.examples.fade) is not None
    }
    assert lengths == {(4, 3)}


def test_tiny_llm_has_as_many_rationales_of_the_same_questions_in_every_arm():
    found = {}
    for arm in arms(RECIPES["tiny_llm"]):
        rows = [row for own, weight in examples(of("tiny_llm", arm)).values() if weight for row in own]
        found[arm] = len(rows), tuple(sorted({row.row["prompt"] for row in rows}))
    assert len(set(found.values())) == 1 and found["both teachers"][0] == 400


def test_learn_to_reason_learns_nothing_of_the_student_and_asks_what_it_teaches():
    config = of("learn_to_reason", "tailored")
    assert config.algorithm.keep.threshold > sum(reward.weight for reward in config.rewards.values())
    ((rows, _),) = examples(config).values()
    assert [row.index for row in rows] == list(range(config.task.sizes.train))
