"""The README's examples do what it says, and it names what is there."""

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

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def blocks(page, kind):
    """The titled blocks of a kind in a page of the documentation."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(rf"```{kind} title=\"[^\"]+\"\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder as the README's reader has it: their questions, the two configs' parts as one, their reward."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"problem": f"{n}+{n}?", "answer": str(2 * n), "solution": f"{n}+{n}={2 * n}\n#### {2 * n}"} for n in range(200)
    ]
    (tmp_path / "my_questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "my_run.yaml").write_text(YAML[0])
    (tmp_path / "beside.yaml").write_text("include: my_run.yaml\n" + YAML[1])
    (tmp_path / "my_rewards.py").write_text(PYTHON[0])
    return tmp_path


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 140


def test_the_config_for_ones_own_data_reads_it(here):
    config = load("my_run.yaml")
    task = tasks.load(config)
    assert sum(map(len, task.splits.values())) == 200 and all(task.splits.values())
    row = task.splits["train"][0]
    assert row["gold"] == str(2 * int(row["problem"].split("+")[0]))
    assert row["prompt"][-1]["content"] == row["problem"]
    assert any("200 optimizer steps" in how_much for _, how_much in plan.describe(config, task))


def test_the_longer_config_of_the_guide_finds_the_answer_within_the_column(here):
    (guide,) = blocks("guides/own_data.md", "yaml")
    (here / "guide.yaml").write_text(guide)
    row = tasks.load(load("guide.yaml")).splits["train"][0]
    assert row["gold"] == str(2 * int(row["problem"].split("+")[0]))
    assert row["prompt"][-1]["content"] == f"{row['problem']}\nEnd with: The answer is N."


def test_the_reward_is_found_and_mixed(here):
    config = load("beside.yaml")
    mix = build_rewards(config, tasks.load(config))
    right = f"The answer is {4}."
    (value,) = mix(
        [[{"role": "user", "content": "2+2?"}]], [[{"role": "assistant", "content": right}]], [[1] * 50], gold=["4"]
    )
    assert value == pytest.approx(1.0 + 0.1 * 0.5)


def test_the_verifier_is_named_by_one_line(monkeypatch):
    (code,) = blocks("guides/own_verifier.md", "python")
    module = types.ModuleType("verifiers.palindrome")
    exec(code, module.__dict__)
    monkeypatch.setitem(sys.modules, "verifiers.palindrome", module)
    monkeypatch.setitem(verifiers.VERIFIERS, "palindrome", "verifiers.palindrome")
    rows = [
        {"prediction": p, "gold": g} for p, g in [("It is Level", "5"), ("It is Level", "4"), ("", "5"), ("noon", "")]
    ]
    assert [v.score for v in Verifier("palindrome")(rows)] == [1.0, 0.0, 0.0, None]
    assert [v.score for v in Verifier("palindrome", ignore_case=False)(rows[:1])] == [0.0]


def test_the_tree_names_what_is_there():
    tree = README[README.index("## Where things are") : README.index("## Read on")]
    folders = re.findall(r"^([\w./]+)  ", tree, re.MULTILINE)
    assert {"verifiers/", "rewards/", "rl/", "configs/", "docs/", "bench/", "tests/", "notebooks/"} <= set(folders)
    for name in folders:
        assert (ROOT / name).exists(), name


def test_the_longer_tree_of_the_architecture_names_what_is_there():
    page = (ROOT / "docs" / "architecture.md").read_text()
    tree, folder = page[page.index("## The tree") :], Path()
    lines = re.findall(r"^( *)([\w./]+)  ", tree, re.MULTILINE)
    assert len(lines) > 30
    for indent, name in lines:
        folder = folder if indent else Path(name) if name.endswith("/") else Path()
        path = ROOT / folder / name if indent else ROOT / name
        assert path.exists(), path


def test_the_commands_it_names_are_there():
    from rl.cli import cli

    makefile = (ROOT / "Makefile").read_text()
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        text = page.read_text()
        assert {command for command in re.findall(r"`?whetstone (\w+) ", text)} <= set(cli.commands) | {"is"}, page
        for target in re.findall(r"`make ([a-z][a-z-]+)|^    make ([a-z][a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), (page, target)


def test_the_page_of_commands_has_every_command():
    from rl.cli import cli

    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    assert set(re.findall(r"^\| `whetstone (\w+)", page, re.MULTILINE)) == set(cli.commands)


def test_the_examples_page_shows_a_config_that_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "examples.md").read_text()
    (config,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_task.yaml").write_text("task: chain\npolicy: {model: embedded}\n")
    (tmp_path / "imitate.yaml").write_text(config)
    loaded = load("imitate.yaml")
    assert list(loaded.algorithm.examples.data) == ["ours", "public"] and not loaded.algorithm.samples
