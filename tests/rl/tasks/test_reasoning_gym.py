import json

import pytest

from rl.config import ReasoningGymTask
from rl.errors import UserError
from rl.tasks import reasoning_gym
from rl.tasks.task import split_of

SIZES = {"train": 40, "validation": 5, "test": 5}


def build(dataset="chain_sum", seed=0, **settings):
    config = ReasoningGymTask.model_validate({"name": "reasoning_gym", "dataset": dataset, "sizes": SIZES, **settings})
    return reasoning_gym.build(config, seed)


def every(task):
    return [row for rows in task.splits.values() for row in rows]


def refused(*args, **settings):
    with pytest.raises(UserError) as error:
        build(*args, **settings)
    return str(error.value)


def test_rows_carry_what_the_scorer_wants_back():
    options = {"min_terms": 2, "max_terms": 2}
    task = build(options=options)
    assert {split: len(rows) for split, rows in task.splits.items()} == SIZES
    for row in every(task):
        metadata = json.loads(row["metadata"])
        assert row["prompt"] == row["question"] and row["question"].endswith(f"{metadata['expression']} =")
        assert int(row["gold"]) == eval(metadata["expression"])
        assert metadata["num_terms"] == 2
        assert (row["source_dataset"], json.loads(row["options"])) == ("chain_sum", options)


def test_a_question_is_in_the_split_its_text_belongs_to_whatever_the_seed():
    for seed in (0, 1):
        for split, rows in build(seed=seed, template="Q: {question}").splits.items():
            assert {split_of(row["question"]) for row in rows} == {split}
            assert all(row["prompt"] == f"Q: {row['question']}" for row in rows)
    assert every(build(seed=0)) != every(build(seed=1))
    assert every(build(seed=1)) == every(build(seed=1))


def test_an_entry_without_one_answer_has_an_empty_gold():
    assert {row["gold"] for row in every(build("rubiks_cube"))} == {""}


def test_chat_prompts_are_messages():
    row = every(build(chat=True, system="Be brief."))[0]
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert row["prompt"][1]["content"] == row["question"]


def test_a_composite_gives_each_part_its_own_options():
    parts = [
        {"name": "chain_sum", "weight": 1, "config": {"min_terms": 2, "max_terms": 2}},
        {"name": "leg_counting", "weight": 1, "config": {"max_animals": 4}},
    ]
    rows = every(build("composite", options={"datasets": parts}))
    assert {row["source_dataset"]: json.loads(row["options"]) for row in rows} == {
        p["name"]: p["config"] for p in parts
    }


@pytest.mark.parametrize(
    ("dataset", "settings", "said"),
    [
        ("chain_smu", {}, "task.dataset: reasoning-gym has no 'chain_smu'; did you mean 'chain_sum'?"),
        (
            "chain_sum",
            {"options": {"min_termz": 2}},
            "task.options.min_termz: chain_sum has no such option; did you mean",
        ),
        (
            "chain_sum",
            {"options": {"min_terms": 0}},
            "task.options: chain_sum does not take {'min_terms': 0}: min_terms",
        ),
        ("chain_sum", {"options": {"min_terms": "x"}}, "task.options: chain_sum does not take {'min_terms': 'x'}"),
        ("chain_sum", {"options": {"seed": 3}}, "task.options.seed: is set by seed"),
        ("composite", {}, "task.options: composite does not take {}"),
        ("chain_sum", {"template": "{ask}"}, "task.template: {ask} is unknown"),
    ],
)
def test_a_wrong_name_or_option_is_named(dataset, settings, said):
    assert refused(dataset, **settings).startswith(said)


def test_too_few_different_questions_are_said():
    small = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
    sizes = {"train": 2000, "validation": 1, "test": 1}
    assert "too few different problems" in refused(options=small, sizes=sizes)
