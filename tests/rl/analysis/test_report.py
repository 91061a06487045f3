"""`whetstone report` on folders that are no run's, or not whole."""

import json

import pytest

from rl.analysis.report import write_report
from rl.errors import UserError

CONFIG = "name: a\ntask: {name: chain}\nalgorithm: {name: grpo}\nrewards: {correctness: {weight: 1.0}}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(CONFIG)
    return tmp_path / "run"


def test_a_run_that_has_only_begun_has_a_report(folder):
    assert "<html" in write_report(folder).read_text()
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.5}) + '\n{"step": 2, "rew')
    assert "<html" in write_report(folder).read_text()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.yaml", "{", r"config.yaml: is no run's config: "),
        ("config.yaml", "a: 1\n", r"config.yaml: is no run's config: "),
        ("config.yaml", "- 1\n", r"config.yaml: is no run's config: "),
        ("summary.json", "{", r"summary.json: is not JSON"),
        ("metrics.jsonl", '{"step": 1}\n{"st\n{"step": 3}\n', r"metrics.jsonl:2: is damaged, not JSON"),
    ],
)
def test_what_cannot_be_read_is_named(folder, file, text, message):
    (folder / file).write_text(text)
    with pytest.raises(UserError, match=message):
        write_report(folder)


def test_a_folder_above_runs_names_them(folder):
    with pytest.raises(UserError, match=r"is not a run folder: it has no config.yaml; there are runs in it, .*: run$"):
        write_report(folder.parent)
    with pytest.raises(UserError, match=r"gone: is not a run folder: it has no config.yaml$"):
        write_report(folder / "gone")
