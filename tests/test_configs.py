"""The ready-made files load, and the commands in their comments are valid."""

import re
import shlex
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from rl import setup
from rl.config import load
from tests.rl.conftest import task

__all__ = ["task"]

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


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_config_loads(file):
    load(file)


@pytest.mark.parametrize("file", sorted((CONFIGS / "rewards").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_reward_section_works_on_top_of_the_quickstart_and_says_when_to_use_it(file, task, tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text(f"include: [{CONFIGS / 'quickstart.yaml'}, {file}]\n")
    setup.rewards(load(config), task)
    comment = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert any(line.startswith("# When: ") for line in comment)
    assert any(f"include: [../quickstart.yaml, {file.name}]" in line for line in comment)
