"""The report of a run folder that is written by hand."""

import re

import pandas as pd
import pytest

from rl.analysis.report import failing_prompts, intervals, write_report
from rl.config import dump, load
from rl.storage.run_folder import RunFolder
from tests.rl.runs.test_plan import QUICKSTART


@pytest.fixture
def folder(small, tmp_path):
    folder = RunFolder(tmp_path / "quickstart")
    folder.start(dump(load(QUICKSTART, small)))
    for step, greedy in ((0, 0.2), (80, 0.7)):
        interval = {"value": greedy, "low": greedy - 0.1, "high": greedy + 0.1}
        folder.append(folder.evaluations, {"step": step, "split": "validation", "greedy": interval, "chain": None})
        folder.append(folder.metrics, {"step": step, "eval/validation/greedy": greedy})
    for step, rewards in ((10, [1.0, 0.0, None]), (20, [1.0, 0.0, 0.5])):
        rows = {"prompt": ["a?", "b?", "c?"], "completion": [f"{name}{step}" for name in "abc"], "reward": rewards}
        pd.DataFrame(rows).to_parquet(folder.completions / f"step_{step:06d}.parquet")
    return folder


def test_the_prompts_that_earn_least_come_first_and_abstentions_count_nothing(folder):
    assert failing_prompts(folder) == [
        {"prompt": "b?", "n": 2, "reward": 0.0, "completion": "b20"},
        {"prompt": "c?", "n": 1, "reward": 0.5, "completion": "c20"},
        {"prompt": "a?", "n": 2, "reward": 1.0, "completion": "a20"},
    ]
    assert failing_prompts(folder, files=1, most=1) == [{"prompt": "b?", "n": 1, "reward": 0.0, "completion": "b20"}]
    assert failing_prompts(RunFolder(folder.path / "none")) == []


def test_an_evaluation_has_its_interval_and_what_was_not_measured_none():
    rows = [{"step": 3, "split": "test", "greedy": {"value": 0.5, "low": 0.4, "high": 0.6}, "chain": None, "n": 9}]
    assert intervals(rows) == {"eval/test/greedy": {3: (0.4, 0.6)}}


def test_the_page_has_bands_the_failing_prompts_and_the_changes_and_needs_nothing_else(folder):
    before = write_report(folder.path).read_text()
    assert "Train problems that earn least" in before and "Changes of the config" not in before
    assert 'id="FillBetweenPolyCollection_1"' in before
    folder.append(folder.config_changes, {"checkpoint": None, "rounds": None, "changes": {"evaluation.n": [16, 32]}})
    page = write_report(folder.path).read_text()
    assert re.search(r"the start</td><td><code>evaluation\.n</code></td><td><code>16</code></td><td><code>32<", page)
    assert not re.findall(r"(?:src|href)=\"https?://", page.replace('xmlns:xlink="http', ""))
    assert "prefers-color-scheme: dark" in page and "minmax(min(460px, 100%), 1fr)" in page
