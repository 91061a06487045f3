"""What a run may begin and resume with: a folder of its own, the same data, the same number of processes."""

import pytest

from rl.errors import UserError
from rl.storage import beginning
from rl.storage.run_folder import RunFolder

NOW = {"data.train": "4 rows, abc", "data.test": "2 rows, abc", "data.examples": "0 rows, abc", "processes": 2}


@pytest.fixture
def folder(tmp_path):
    """The folder of a run that has a checkpoint."""
    folder = RunFolder(tmp_path / "run")
    folder.start("name: run\n")
    beginning.record(folder, NOW)
    (folder.checkpoints / "checkpoint-2").mkdir(parents=True)
    return folder


def test_a_run_of_the_same_data_and_processes_resumes(folder):
    assert beginning.check(folder, NOW) == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"data.train": "5 rows, abd"},
            r"other data \(train: 4 rows, abc, now 5 rows, abd\); restore the data, or give",
        ),
        ({"data.examples": "1 rows, abc"}, "other data .examples: 0 rows"),
        (
            {"processes": 1},
            "holds a run on 2 processes, and a step on 1 would learn from another number of completions",
        ),
    ],
)
def test_other_data_or_processes_are_refused(folder, change, says):
    with pytest.raises(UserError, match=says):
        beginning.check(folder, {**NOW, **change})


def test_data_that_only_measures_may_change_and_is_returned(folder):
    changed = beginning.check(folder, {**NOW, "data.test": "3 rows, abc"})
    assert changed == {"data.test": ("2 rows, abc", "3 rows, abc")}


def test_a_run_without_a_checkpoint_starts_again_on_any_number_of_processes(folder):
    (folder.checkpoints / "checkpoint-2").rmdir()
    assert beginning.check(folder, {**NOW, "processes": 1}) == {}


def test_a_run_that_began_before_this_was_recorded_resumes(folder):
    folder.started_with.unlink()
    assert beginning.check(folder, {**NOW, "processes": 1}) == {}


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_damaged_record_of_the_beginning_is_one_clear_error(folder, text):
    folder.started_with.write_text(text)
    with pytest.raises(UserError, match=r"started_with\.json: is damaged.*--fresh"):
        beginning.check(folder, {"processes": 1})


def test_fresh_deletes_no_folder_that_is_not_a_run(tmp_path):
    mine = RunFolder(tmp_path / "project")
    (mine.path / "src").mkdir(parents=True)
    (mine.path / "src" / "code.py").write_text("x = 1\n")
    mine.config.write_text("mine: true\n")
    with pytest.raises(
        UserError, match="not the folder of a run, and --fresh would delete what is in it: config\.yaml, src;"
    ):
        beginning.refuse_foreign(mine, fresh=True)
    assert (mine.path / "src" / "code.py").exists()


@pytest.mark.parametrize("fresh", [True, False])
def test_a_run_and_what_a_run_leaves_before_it_has_a_config_are_no_foreign_folders(folder, tmp_path, fresh):
    beginning.refuse_foreign(folder, fresh=fresh)
    early = RunFolder(tmp_path / "early")
    (early.path / "wandb" / "offline").mkdir(parents=True)
    early.completions.mkdir()
    early.lock.write_text("{}")
    beginning.refuse_foreign(early, fresh=fresh)
    beginning.refuse_foreign(RunFolder(tmp_path / "gone"), fresh=fresh)


def test_checkpoints_of_an_unknown_run_are_not_resumed_from(folder):
    folder.config.unlink()
    with pytest.raises(UserError, match=r"has checkpoints, started_with\.json but no config\.yaml"):
        beginning.refuse_foreign(folder, fresh=False)


def test_a_log_file_beside_a_run_to_come_is_left_alone(tmp_path):
    folder = RunFolder(tmp_path)
    (tmp_path / "log.txt").write_text("started\n")
    beginning.refuse_foreign(folder, fresh=False)
    with pytest.raises(UserError, match=r"--fresh would delete what is in it: log\.txt"):
        beginning.refuse_foreign(folder, fresh=True)
