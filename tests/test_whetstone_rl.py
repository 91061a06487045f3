"""Another package on PyPI is called `verifiers`: a command says so in one line, whoever was installed over whom."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOREIGN = '"""Another project."""\nraise SystemExit("the foreign package was imported")\n'
COMMANDS = {
    "whetstone": ["-m", "whetstone_rl", "--help"],
    "whetstone of an older install": ["-c", "import sys; sys.argv = ['/bin/whetstone', 'check', 'x']; import rl.cli"],
    "accelerate launch -m rl.train": ["-m", "rl.train", "config.yaml"],
}


def python(arguments, *path, cwd):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run([sys.executable, *arguments], env=environment, cwd=cwd, capture_output=True, text=True)


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def installed(tmp_path):
    """Whetstone as a wheel leaves it: the module and the three packages in one folder."""
    place = tmp_path / "site"
    for name in ("rl", "rewards", "verifiers"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "whetstone_rl.py", place)
    return place


def assert_refused(run, name):
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith("whetstone: ") and repr(name) in line
    assert "virtual environment of its own" in line


@pytest.mark.parametrize("name", ["rewards", "verifiers"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_foreign_package_found_first_is_refused_without_being_imported(command, name, tmp_path):
    write(tmp_path / name / "__init__.py", FOREIGN)
    assert_refused(python(COMMANDS[command], tmp_path, ROOT, cwd=tmp_path), name)


def test_a_foreign_rl_is_refused_by_the_command(tmp_path):
    write(tmp_path / "rl" / "__init__.py", FOREIGN)
    assert_refused(python(COMMANDS["whetstone"], tmp_path, ROOT, cwd=tmp_path), "rl")


def test_a_foreign_module_of_one_file_is_refused(tmp_path):
    write(tmp_path / "verifiers.py", FOREIGN)
    assert_refused(python(COMMANDS["whetstone"], tmp_path, ROOT, cwd=tmp_path), "verifiers")


def test_a_missing_package_is_refused(installed):
    shutil.rmtree(installed / "verifiers")
    # -S and -P: neither an installed Whetstone nor the folder that this runs in fills the gap
    run = python(["-S", "-P", "-m", "whetstone_rl"], installed, cwd=installed)
    assert_refused(run, "verifiers")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_namespace_package_of_both_is_refused(command, installed, tmp_path):
    """Without an `__init__.py` on either side, Python joins the two folders to one package."""
    (installed / "verifiers" / "__init__.py").unlink()
    write(tmp_path / "other" / "verifiers" / "envs.py", FOREIGN)
    assert_refused(python(COMMANDS[command], installed, tmp_path / "other", cwd=tmp_path), "verifiers")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_foreign_package_installed_over_ours_is_refused(command, installed, tmp_path):
    write(installed / "verifiers" / "__init__.py", FOREIGN)
    write(installed / "verifiers" / "envs.py", FOREIGN)
    assert_refused(python(COMMANDS[command], installed, cwd=tmp_path), "verifiers")


def test_ours_installed_over_a_foreign_package_is_refused(installed, tmp_path):
    """The first file is ours; that another distribution wrote into the folder, its record alone says."""
    record = "verifiers/__init__.py,,\nverifiers/envs.py,,\nverifiers-0.2.dist-info/RECORD,,\n"
    write(installed / "verifiers-0.2.dist-info" / "RECORD", record)
    assert_refused(python(COMMANDS["whetstone"], installed, cwd=tmp_path), "verifiers")


def test_a_distribution_of_the_same_name_that_leaves_the_folder_alone_is_no_matter(installed, tmp_path):
    write(installed / "rl-1.0.dist-info" / "RECORD", "reinforce/__init__.py,,\nrl-1.0.dist-info/RECORD,,\n")
    run = python(COMMANDS["whetstone"], installed, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("name", ["rl", "rewards"])
def test_an_import_raises_the_same_line(name, tmp_path):
    write(tmp_path / "verifiers" / "__init__.py", FOREIGN)
    run = python(["-c", f"import {name}"], tmp_path, ROOT, cwd=tmp_path)
    assert run.returncode == 1
    assert re.search(r"^whetstone_rl.ForeignPackage: .*'verifiers'.*virtual environment of its own", run.stderr, re.M)


def test_the_command_starts_where_all_three_are_ours(tmp_path):
    run = python(COMMANDS["whetstone"], ROOT, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "train" in run.stdout


def test_finding_out_imports_nothing(tmp_path):
    said = python(["-c", "import sys, whetstone_rl as w; w.check_packages(); print(*sys.modules)"], ROOT, cwd=tmp_path)
    assert not {"rl", "rewards", "verifiers", "torch", "importlib.metadata"} & set(said.stdout.split())
