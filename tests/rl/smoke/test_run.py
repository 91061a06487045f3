"""`whetstone smoke`: what it does around the training commands, and, slowly, with them on configs/real."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from rl.cli import run as whetstone
from rl.config import load, load_stages
from rl.errors import UserError
from rl.smoke import run as smoke_run
from rl.smoke.run import Failed, Smoke
from rl.smoke.shrink import StandIns, shrink

ROOT = Path(__file__).parents[3]
QUICKSTART = ROOT / "configs" / "quickstart.yaml"
REAL = sorted((ROOT / "configs" / "real").rglob("*.yaml"))


@pytest.fixture
def one(tmp_path):
    small = shrink(load(QUICKSTART), StandIns(str(tmp_path / "runs"), "", ""))
    return Smoke(tmp_path, Console(quiet=True), {"": small})


def training(monkeypatch, one, program):
    """Let a program of a line or two stand in for training."""

    def start(_, log):
        with (one.work / log).open("wb") as out:
            return subprocess.Popen([sys.executable, "-c", program], stdout=out, stderr=subprocess.STDOUT)

    monkeypatch.setattr(smoke_run, "_training", start)


def test_training_is_killed_as_soon_as_there_is_something_to_resume_from(one, monkeypatch):
    checkpoint = one.stages[""].run_folder / "checkpoints" / "checkpoint-2"
    training(monkeypatch, one, f"import os, time; os.makedirs({str(checkpoint)!r}); time.sleep(600)")
    assert smoke_run._killed(one) == "after checkpoint-2 was saved"


def test_training_that_ends_by_itself_was_not_killed_and_says_why(one, monkeypatch):
    training(monkeypatch, one, "print('whetstone: task: no such file'); raise SystemExit(2)")
    with pytest.raises(Failed, match="ended by itself with code 2 before it could be killed: whetstone: task: no such"):
        smoke_run._killed(one)


def test_a_resumed_run_must_end_well_and_leave_its_summary(one, monkeypatch):
    folder = one.stages[""].run_folder
    training(monkeypatch, one, "import sys; sys.exit('whetstone: out of luck')")
    with pytest.raises(Failed, match="code 1: whetstone: out of luck"):
        smoke_run._resumed(one)
    training(monkeypatch, one, f"print('resuming {folder} from step 2')")
    with pytest.raises(Failed, match="has no summary"):
        smoke_run._resumed(one)
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text('{"steps": 0}')
    with pytest.raises(Failed, match="took no step: it had nothing to learn from"):
        smoke_run._resumed(one)
    (folder / "summary.json").write_text('{"steps": 4}')
    assert smoke_run._resumed(one) == f"resuming {folder} from step 2"


def test_smaller_stages_are_read_back_as_they_were_made(tmp_path):
    one = Smoke(tmp_path, Console(quiet=True))
    smoke_run._shrink(one, load_stages(ROOT / "configs" / "real" / "word_problems.yaml"))
    again = load_stages(one.file)
    assert again == one.stages and list(again) == ["sft", "rl"]
    assert again["rl"].policy.model == str(again["sft"].run_folder / "model")
    assert again["sft"].run_folder == tmp_path / "runs" / "word_problems" / "word_problems.sft"


def test_any_error_of_a_part_is_its_reason_and_the_others_still_run(one):
    def broken():
        raise ZeroDivisionError("division by zero")

    def wrong():
        raise UserError("task", "has no rows")

    assert not one.step("first", broken) and not one.step("second", wrong) and one.step("third", lambda: "fine")
    assert one.rows == [
        ("first", False, "ZeroDivisionError: division by zero"),
        ("second", False, "task: has no rows"),
        ("third", True, "fine"),
    ]
    assert not one.passed


@pytest.mark.parametrize(("outcome", "code"), [("killed", 0), (Failed("it hung"), 1)])
def test_the_exit_status_says_whether_everything_passed(monkeypatch, capsys, tmp_path, cache, outcome, code):
    def killed(_):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(smoke_run.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
    monkeypatch.setattr(smoke_run, "_killed", killed)
    for part in ("_resumed", "_evaluated", "_reported"):
        monkeypatch.setattr(smoke_run, part, lambda _: "done")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with pytest.raises(SystemExit) as exit_code:
        whetstone(["smoke", str(QUICKSTART)])
    assert exit_code.value.code == code
    printed = capsys.readouterr().out
    assert "hostile answers, rewards" in printed and ("it hung" in printed) == bool(code)
    assert tmp_path.exists() == bool(code)  # what failed is kept to be looked at


@pytest.mark.slow
@pytest.mark.parametrize("file", [QUICKSTART, *REAL], ids=lambda file: file.stem)
def test_a_shipped_config_passes(file, capsys, cache):
    with pytest.raises(SystemExit) as exit_code:
        whetstone(["smoke", str(file)])
    assert exit_code.value.code == 0, capsys.readouterr().out[-5000:]
