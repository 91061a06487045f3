"""The ready-made files load, and the commands in their comments are valid."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from rewards.parts.answer_models import fit_answer_models
from rewards.parts.rationale import LAYOUTS
from rl import setup, tasks
from rl.config import load, load_stages
from rl.config.layers import arms
from tests.rewards.conftest import config, model_folder, tokenizer
from tests.rl.conftest import task

__all__ = ["config", "model_folder", "task", "tokenizer"]

CONFIGS = Path(__file__).parents[1] / "configs"
ACCELERATE = sorted((CONFIGS / "accelerate").glob("*.yaml"))


@pytest.mark.parametrize("file", ACCELERATE, ids=lambda file: file.stem)
def test_an_accelerate_file_loads(file):
    assert load_config_from_file(str(file)).num_processes >= 1


@pytest.mark.parametrize("file", ACCELERATE, ids=lambda file: file.stem)
def test_the_commands_in_its_comments_are_valid(file, monkeypatch):
    comment = "".join(line[1:] for line in file.read_text().splitlines(keepends=True) if line.startswith("#"))
    monkeypatch.setenv("WORLD_SIZE", str(load_config_from_file(str(file)).num_processes))
    commands = re.findall(r"accelerate launch (.*)", comment.replace("\\\n", " "))
    assert commands
    for command in commands:
        _, config, *overrides = shlex.split(command[command.index("-m rl.train") :].removeprefix("-m "))
        load(CONFIGS.parent / config, overrides)


@pytest.mark.parametrize(
    "file", sorted([*CONFIGS.glob("*.yaml"), *(CONFIGS / "real").rglob("*.yaml")]), ids=lambda file: file.stem
)
def test_a_config_loads_and_so_do_its_arms(file):
    for overrides in ([], *arms(file).values()):
        assert load_stages(file, overrides) or load(file, overrides)


def test_a_length_curriculum_goes_on_from_its_policy_to_longer_chains_and_holds_out_the_same():
    stages = load_stages(CONFIGS / "length_curriculum.yaml")
    assert [stages[name].task.operations for name in stages] == [(1, 2), (2, 3), (2, 4)]
    assert [stages[name].policy.model for name in ("longer", "whole")] == [
        str(stages[name].run_folder / "model") for name in ("short", "longer")
    ]
    loaded = [tasks.load(config).splits for config in stages.values()]
    trained, held_out = ({row["prompt"] for splits in loaded for row in splits[name]} for name in ("train", "test"))
    assert not trained & held_out


@pytest.mark.parametrize("file", sorted((CONFIGS / "rewards").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_reward_section_works_on_top_of_the_config_it_names_and_says_when_to_use_it(
    file, task, model_folder, tmp_path, monkeypatch
):
    comment = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert any(line.startswith("# When: ") for line in comment)
    named = re.search(rf"include: \[\.\./(\w+\.yaml), {re.escape(file.name)}\]", "\n".join(comment))
    assert named is not None
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"include: [{CONFIGS / named[1]}, {file}]\n")
    settings = load(mine, ["task.sizes.train=40", "task.sizes.validation=4", "task.sizes.test=4"])
    if settings.task.name == "facts":
        task = tasks.load(settings)
    monkeypatch.chdir(tmp_path)
    for reward, head, labels in (("process", "token", {"num_labels": 1}), ("reader", "causal", {})):
        if reward in settings.rewards:
            shutil.copytree(model_folder(head, **labels), settings.rewards[reward].model or "")
    if "consistency" in settings.rewards:  # trained as the file's comment says
        layout = LAYOUTS[settings.task.name]
        fit_answer_models(task.splits["train"], 2, model_folder(), "runs/answer_models", layout, epochs=1, device="cpu")
    setup.rewards(settings, task, policy=lambda: (None, None))
