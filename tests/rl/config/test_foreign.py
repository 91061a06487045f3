"""A config file takes rewards from its own folder, the current one and installed packages alone."""

import pytest

from rl.config import load, load_recorded
from rl.errors import UserError
from tests.rl.config.test_sections import GRPO


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes a config that names a function, in a folder beside the current one."""
    for folder in ("theirs", "mine"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "mine")

    def write(function):
        file = tmp_path / "theirs" / "config.yaml"
        file.write_text(f"include: {GRPO}\nrewards: {{mine: {{function: '{function}'}}}}\n")
        return file

    return write


@pytest.mark.parametrize("place", ["../elsewhere.py", "/tmp/elsewhere.py", "../theirs/../elsewhere/package", "~/a.py"])
def test_a_function_from_elsewhere_is_refused(config, place):
    file = config(f"{place}:reward")
    with pytest.raises(
        UserError, match=r"theirs/config.yaml: rewards.mine.function: .* is neither in the folder of the"
    ):
        load(file)
    assert load(GRPO, [f"rewards.mine.function={place}:reward"])  # the user said so
    assert load_recorded(file).rewards["mine"].function == f"{place}:reward"


@pytest.mark.parametrize(
    "place", ["mine.py", "folder/mine.py", "../theirs/mine.py", "my_rewards", "pack.inner", "os.path"]
)
def test_functions_from_here_from_beside_the_config_and_installed_ones_are_taken(config, place):
    assert load(config(f"{place}:reward")).rewards["mine"].function == f"{place}:reward"
