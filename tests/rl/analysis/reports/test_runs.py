"""Run folders that are no run's, or not whole, and their intervals."""

import pytest

from rl.analysis.reports.runs import intervals, read_run
from rl.errors import UserError

CONFIG = "name: a\ntask: {name: chain}\nalgorithm: {name: grpo}\nrewards: {correctness: {weight: 1.0}}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(CONFIG)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.yaml", "{", r"config.yaml: is not the config of a run: "),
        ("config.yaml", "a: 1\n", r"config.yaml: is not the config of a run: "),
        ("config.yaml", "- 1\n", r"config.yaml: is not the config of a run: "),
        ("summary.json", "{", r"summary.json: is damaged, not JSON"),
        ("metrics.jsonl", '{"step": 1}\n{"st\n{"step": 3}\n', r"metrics.jsonl:2: is damaged, not JSON"),
    ],
)
def test_what_cannot_be_read_is_named(folder, file, text, message):
    (folder / file).write_text(text)
    with pytest.raises(UserError, match=message):
        read_run(folder)


def test_a_folder_above_runs_names_them(folder):
    with pytest.raises(UserError, match=r"is not a run folder: it has no config.yaml; there are runs in it, .*: run$"):
        read_run(folder.parent)
    with pytest.raises(UserError, match=r"gone: is not a run folder: it has no config.yaml$"):
        read_run(folder / "gone")


def test_an_evaluation_has_its_interval_and_what_was_not_measured_none():
    rows = [{"step": 3, "split": "test", "greedy": {"value": 0.5, "low": 0.4, "high": 0.6}, "chain": None, "n": 9}]
    assert intervals(rows) == {"eval/test/greedy": {3: (0.4, 0.6)}}


def test_a_series_leaves_out_what_was_no_number(folder):
    (folder / "metrics.jsonl").write_text('{"step": 1, "kl": 0.5}\n{"step": 2, "kl": null}\n{"step": 3}\n')
    assert read_run(folder).series("kl") == [(1, 0.5)]
