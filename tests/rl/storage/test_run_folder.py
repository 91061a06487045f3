import json

import pytest

from rl.errors import UserError
from rl.storage.run_folder import RunFolder, read_jsonl, write_atomically


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert read_jsonl(file) == [{"step": 1}, {"step": 2}]


def test_rewinding_drops_what_came_after(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (0, 2, 4):
        folder.append(folder.metrics, {"step": step, "eval/test/greedy": 0.5})
        folder.append(folder.evaluations, {"step": step, "split": "test"})
    folder.rewind(2)
    assert [row["step"] for row in read_jsonl(folder.metrics)] == [0, 2]
    assert folder.evaluation("test", 2) is not None and folder.evaluation("test", 4) is None


def test_an_evaluation_whose_metrics_a_crash_prevented_is_made_again(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append(folder.evaluations, {"step": 0, "split": "test"})
    folder.rewind(0)
    assert folder.evaluation("test", 0) is None


def test_the_newest_checkpoint_is_by_number_and_not_by_name(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (5, 40, 100):
        (folder.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    assert folder.last_checkpoint().name == "checkpoint-100"


def test_a_record_holds_no_nan(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError):
        folder.append(folder.metrics, {"step": 1, "loss": float("nan")})


def test_a_finished_run_and_another_config_are_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.start("seed: 0\n")
    folder.check("seed: 0\n")
    with pytest.raises(UserError, match="seed: 0, now seed: 1"):
        folder.check("seed: 1\n")
    write_atomically(folder.summary, json.dumps({}))
    with pytest.raises(UserError, match="finished run"):
        folder.check("seed: 0\n")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    file = tmp_path / "summary.json"
    write_atomically(file, "old")
    with pytest.raises(TypeError):
        write_atomically(file, 3)
    assert file.read_text() == "old"
