"""The README's examples do what it says."""

import json
import re
import sys
import types
from pathlib import Path

import pytest

import verifiers
from rl import tasks
from rl.config import load
from rl.runs import plan
from rl.setup import rewards as build_rewards
from verifiers.runtime.verifier import Verifier

README = (Path(__file__).parents[1] / "README.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder as the README's reader has it: their questions, the two configs' parts as one, their reward."""
    monkeypatch.chdir(tmp_path)
    rows = [{"problem": f"{n}+{n}?", "solution": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in range(200)]
    (tmp_path / "my_questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "my_run.yaml").write_text(YAML[0])
    (tmp_path / "beside.yaml").write_text("include: my_run.yaml\n" + YAML[1])
    (tmp_path / "my_rewards.py").write_text(PYTHON[0])
    return tmp_path


def test_the_config_for_ones_own_data_reads_it(here):
    config = load("my_run.yaml")
    task = tasks.load(config)
    assert sum(map(len, task.splits.values())) == 200 and all(task.splits.values())
    row = task.splits["train"][0]
    assert row["gold"] == str(2 * int(row["problem"].split("+")[0]))
    assert row["prompt"][-1]["content"] == f"{row['problem']}\nEnd with: The answer is N."
    assert any("200 optimizer steps" in how_much for _, how_much in plan.describe(config, task))


def test_the_reward_is_found_and_mixed(here):
    config = load("beside.yaml")
    mix = build_rewards(config, tasks.load(config))
    right = f"The answer is {4}."
    (value,) = mix(
        [[{"role": "user", "content": "2+2?"}]], [[{"role": "assistant", "content": right}]], [[1] * 50], gold=["4"]
    )
    assert value == pytest.approx(1.0 + 0.1 * 0.5)


def test_the_verifier_is_named_by_one_line(monkeypatch):
    module = types.ModuleType("verifiers.palindrome")
    exec(PYTHON[1], module.__dict__)
    monkeypatch.setitem(sys.modules, "verifiers.palindrome", module)
    monkeypatch.setitem(verifiers.VERIFIERS, "palindrome", "verifiers.palindrome")
    rows = [
        {"prediction": p, "gold": g} for p, g in [("It is Level", "5"), ("It is Level", "4"), ("", "5"), ("noon", "")]
    ]
    assert [v.score for v in Verifier("palindrome")(rows)] == [1.0, 0.0, 0.0, None]
    assert [v.score for v in Verifier("palindrome", ignore_case=False)(rows[:1])] == [0.0]


def test_the_verifiers_it_lists_are_those_there_are():
    listed = README[README.index("There are: ") : README.index("## Where things are")]
    assert set(re.findall(r"`(\w+)`", listed)) == set(verifiers.VERIFIERS)


def test_the_tree_names_what_is_there():
    tree = README[README.index("## Where things are") : README.index("## Read on")]
    root, folder = Path(__file__).parents[1], Path()
    for line in re.findall(r"^( *)([\w./]+)  ", tree, re.MULTILINE):
        indent, name = line
        folder = folder if indent else Path(name) if name.endswith("/") else Path()
        path = root / folder / name if indent else root / name
        assert path.exists(), path


def test_the_commands_it_names_are_there():
    from rl.cli import cli

    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    assert {command for command in re.findall(r"whetstone (\w+) ", README)} <= set(cli.commands)
    for target in re.findall(r"make ([a-z][a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_examples_page_shows_a_config_that_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "examples.md").read_text()
    (config,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_task.yaml").write_text("task: chain\npolicy: {model: embedded}\n")
    (tmp_path / "imitate.yaml").write_text(config)
    loaded = load("imitate.yaml")
    assert list(loaded.algorithm.examples.sources) == ["ours", "public"] and not loaded.algorithm.samples
