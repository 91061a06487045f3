import itertools

import pytest

from rl.config import Config
from rl.errors import UserError
from rl.tasks import load
from rl.tasks.task import SPLITS, Task, fill_splits, fingerprints, refuse_overlap, split_of
from verifiers.runtime.verifier import Verifier


def config(task, seed=0):
    return Config.model_validate(
        {
            "name": "test",
            "seed": seed,
            "task": task,
            "policy": {"model": "embedded"},
            "rewards": {"correctness": {}},
            "algorithm": {"name": "grpo"},
        }
    )


def test_a_problem_always_falls_into_the_same_split_and_shares_are_kept():
    problems = [f"problem {i}" for i in range(20_000)]
    homes = [split_of(problem, validation=0.2, test=0.1) for problem in problems]
    assert homes == [split_of(problem, validation=0.2, test=0.1) for problem in problems]
    # 20,000 draws: a standard deviation of 0.003 or less, so 0.012 is four of them
    for split, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert abs(homes.count(split) / len(homes) - share) < 0.012
    # written down once: another hash would move what earlier runs held out
    assert [split_of(problem) for problem in problems[:4]] == ["train", "train", "test", "train"]
    assert split_of(problems[19]) == "validation"


def test_a_split_of_no_share_is_empty_and_half_a_character_is_no_trouble():
    assert {split_of(f"{i}", validation=0.0, test=0.0) for i in range(200)} == {"train"}
    assert {split_of(f"{i}", validation=1.0, test=0.0) for i in range(200)} == {"validation"}
    assert split_of("\ud800") in SPLITS


def test_filled_splits_have_their_sizes_and_no_prompt_twice():
    prompts = [f"{i % 60}?" for i in range(600)]
    splits = fill_splits(({"prompt": p} for p in prompts), {"train": 30, "validation": 2, "test": 2}, "here")
    drawn = [row["prompt"] for rows in splits.values() for row in rows]
    assert [len(splits[split]) for split in SPLITS] == [30, 2, 2]
    assert len(drawn) == len(set(drawn))
    assert all(split_of(row["prompt"]) == split for split, rows in splits.items() for row in rows)


def test_asking_for_more_problems_than_there_are_is_an_error_not_a_loop():
    rows = ({"prompt": f"{i % 10}"} for i in itertools.count())
    with pytest.raises(UserError, match=r"here: the task has too few different problems: .*'train': '\d of 50'"):
        fill_splits(rows, {"train": 50, "validation": 1, "test": 1}, "here")


@pytest.mark.parametrize("prompt", ["twice", [{"role": "user", "content": "twice"}]])
def test_a_prompt_in_two_splits_is_refused_and_shown(prompt):
    splits = {"train": [{"prompt": "a"}, {"prompt": prompt}], "validation": [{"prompt": "b"}], "test": []}
    refuse_overlap(splits, "here")
    with pytest.raises(UserError, match=r"here: a prompt is in both train and test: .*twice"):
        refuse_overlap({**splits, "test": [{"prompt": prompt}]}, "here")


def test_a_task_judges_with_its_own_verifier_and_options():
    task = Task("mine", {"train": [], "validation": [], "test": []}, Verifier("chain"))
    (verdict,) = task.verifier([{"prompt": "1+1?", "prediction": "1+1=2#2", "gold": "2"}])
    assert verdict.score == 1.0


@pytest.mark.parametrize(
    "section",
    [
        {"name": "chain", "operations": [3, 4]},
        {"name": "addition", "trace": "detailed"},
        {"name": "facts"},
        {"name": "stories"},
        {"name": "reasoning_gym", "dataset": "chain_sum"},
    ],
)
def test_the_config_names_the_task_and_its_seed_the_rows(section):
    section = section | {"sizes": {"train": 20, "validation": 5, "test": 5}}
    first, again, other = (load(config(section, seed)) for seed in (0, 0, 1))
    assert first.name == section["name"]
    assert [len(first.splits[split]) for split in SPLITS] == [20, 5, 5]
    assert first.splits == again.splits
    assert first.splits != other.splits
    assert all(isinstance(row["gold"], str) and row["prompt"] for rows in first.splits.values() for row in rows)


def test_a_data_set_is_loaded_by_its_section(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"question": "{i}+{i}?", "gold": "{2 * i}"}}\n' for i in range(30)))
    task = load(config({"name": "dataset", "data": str(path), "verifier": "chain"}))
    assert task.name == "dataset"
    assert {row["prompt"]: row["gold"] for rows in task.splits.values() for row in rows} == {
        f"{i}+{i}?": str(2 * i) for i in range(30)
    }


def test_a_fingerprint_changes_with_a_row_and_not_with_their_order():
    rows = [{"prompt": "1+1?", "gold": "2"}, {"prompt": "1+2?", "gold": "3"}]
    found = fingerprints({"train": rows, "test": []})
    assert found["train"]["rows"] == 2 and found["test"]["rows"] == 0
    assert fingerprints({"train": rows[::-1]})["train"] == found["train"]
    assert fingerprints({"train": [rows[0], {**rows[1], "gold": "4"}]})["train"]["sha256"] != found["train"]["sha256"]
