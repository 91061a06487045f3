"""`whetstone diagnose`: what it prints of run folders, and what it refuses."""

import json

import pytest

from rl.analysis.diagnostics.command import diagnose
from rl.config import dump, load
from rl.errors import UserError
from tests.rl.runs.test_plan import QUICKSTART


@pytest.fixture
def folder(tmp_path, small):
    rows = [{"step": step, "completions/clipped_ratio": 0.25} for step in range(1, 5)]
    (tmp_path / "config.yaml").write_text(dump(load(QUICKSTART, small)))
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_it_says_what_is_the_matter_from_which_step_and_what_may_help(folder, capsys):
    diagnose([str(folder)])
    printed = capsys.readouterr().out
    assert f"{folder}: not finished, step 4\nwarnings: 1\n  truncation, from step 3: 25% of the completions" in printed
    assert "    what may help: raise sampling.max_tokens" in printed


def test_a_run_without_a_fault_has_none(folder, capsys):
    (folder / "metrics.jsonl").write_text("")
    diagnose([str(folder)])
    assert capsys.readouterr().out == f"{folder}: not finished, step 0\nwarnings: none\n"


def test_what_is_no_run_folder_is_refused_before_anything_is_printed(folder, tmp_path, capsys):
    with pytest.raises(UserError, match="is not a run folder"):
        diagnose([str(folder), str(tmp_path / "nothing")])
    assert not capsys.readouterr().out
