import errno
import json

import pytest

from rl.config import dump, load
from rl.errors import UserError, of_the_disk
from rl.storage import completions
from rl.storage.checkpoint_names import numbered
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


def test_a_copy_that_a_user_keeps_beside_the_checkpoints_is_none(tmp_path):
    folder = RunFolder(tmp_path)
    for name in ("checkpoint-2", "checkpoint-best", "checkpoint-4-copy", "checkpoint-copy-8"):
        (folder.checkpoints / name).mkdir(parents=True)
    assert folder.last_checkpoint() == folder.checkpoints / "checkpoint-2"
    assert numbered(folder.checkpoints) == [folder.checkpoints / "checkpoint-2"]


def test_a_damaged_config_of_a_run_is_one_clear_error(tmp_path):
    folder = RunFolder(tmp_path)
    folder.config.write_text("{{{")
    with pytest.raises(UserError, match=r"config\.yaml: is damaged, no config: .*--fresh replaces the run"):
        folder.check("name: a\n")


def test_a_record_holds_no_nan(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError):
        folder.append(folder.metrics, {"step": 1, "loss": float("nan")})


def test_a_finished_run_and_another_config_are_refused(tmp_path):
    folder = RunFolder(tmp_path)
    folder.start("seed: 0\n")
    folder.check("seed: 0\n")
    with pytest.raises(UserError, match="seed: 0, now 1"):
        folder.check("seed: 1\n")
    write_atomically(folder.summary, json.dumps({}))
    with pytest.raises(UserError, match=r"finished run; a larger trainer\.max_steps extends it"):
        folder.check("seed: 0\n")


ONLINE = {"seed": 0, "trainer": {"max_steps": 4}, "evaluation": {"n": 8}, "algorithm": {"name": "grpo"}}
ROUNDS = {"seed": 0, "trainer": {"max_steps": 4}, "algorithm": {"name": "dpo", "rounds": 2}}


def text(config, **more):
    values = {**config}
    for key, value in more.items():
        section, _, name = key.partition("__")
        values[section] = {**values.get(section, {}), name: value} if name else value
    return json.dumps(values)  # which is YAML


@pytest.fixture
def begun(tmp_path):
    """Makes a folder with a run in it: four optimizer steps, or two rounds, are done."""

    def begin(config, finished=False):
        folder = RunFolder(tmp_path)
        folder.start(text(config))
        if config is ONLINE:
            (folder.checkpoints / "checkpoint-4").mkdir(parents=True)
        else:
            for number in (0, 1):
                (folder.rounds / f"round_{number:03d}").mkdir(parents=True)
        if finished:
            write_atomically(folder.summary, "{}")
        return folder

    return begin


@pytest.mark.parametrize(
    "change",
    [
        {"evaluation__n": 9},
        {"logging__project": "mine"},
        {"trainer__save_steps": 2},
        {"mix__error_budget": 0.5},
        {"trainer__max_steps": 6},
        {"trainer__max_steps": 6, "evaluation__k": 2},
    ],
)
def test_what_changes_nothing_that_was_trained_may_change_and_is_recorded(begun, change):
    folder = begun(ONLINE)
    now = text(ONLINE, **change)
    folder.start(now, folder.check(now))
    (row,) = read_jsonl(folder.config_changes)
    old = {"evaluation__n": 8, "trainer__max_steps": 4}
    assert row["checkpoint"] == "checkpoint-4"
    assert row["changes"] == {key.replace("__", "."): [old.get(key, "not set"), value] for key, value in change.items()}
    assert folder.config.read_text() == now and folder.check(now) == {}


@pytest.mark.parametrize(
    ("config", "change", "said"),
    [
        (ONLINE, {"seed": 1}, r"unfinished run of another config \(seed: 0, now 1\)"),
        (ONLINE, {"trainer__learning_rate": 1e-3}, "trainer.learning_rate: not set, now 0.001"),
        (ONLINE, {"evaluation__n": 9, "seed": 1}, r"\(seed: 0, now 1\)"),
        (ONLINE, {"trainer__max_steps": 3}, "3 is too few: 4 steps are trained, so it must be at least 4"),
        (ROUNDS, {"trainer__max_steps": 6}, "trainer.max_steps: 4, now 6"),  # of each fit
        (ROUNDS, {"algorithm__rounds": 1}, "1 is too few: 2 rounds are trained, so it must be at least 2"),
    ],
)
def test_what_would_have_changed_the_training_may_not_change(begun, config, change, said):
    folder = begun(config)
    with pytest.raises(UserError, match=said):
        folder.check(text(config, **change))


def test_a_key_that_is_newer_than_the_run_does_not_keep_it_from_resuming(tmp_path):
    now = dump(load("configs/quickstart.yaml"))
    folder = RunFolder(tmp_path)
    folder.start("".join(line for line in now.splitlines(keepends=True) if "share_prompts" not in line))
    assert folder.check(now) == {}
    with pytest.raises(UserError, match=r"algorithm\.share_prompts: None, now False"):
        folder.check(now.replace("share_prompts: null", "share_prompts: false"))


@pytest.mark.parametrize(
    ("config", "change"), [(ONLINE, {"trainer__max_steps": 5}), (ROUNDS, {"algorithm__rounds": 3})]
)
def test_a_finished_run_may_be_extended_and_is_unfinished_again(begun, config, change):
    folder = begun(config, finished=True)
    now = text(config, **change)
    folder.start(now, folder.check(now))
    assert not folder.finished and folder.check(now) == {}


def test_a_finished_run_is_extended_by_more_steps_alone_and_from_a_checkpoint(begun):
    folder = begun(ONLINE, finished=True)
    for change, said in [
        ({"trainer__max_steps": 3}, "too few"),
        ({"evaluation__n": 9}, "holds a finished run"),
        ({"trainer__max_steps": 5, "seed": 1}, "finished run of another config"),
    ]:
        with pytest.raises(UserError, match=said):
            folder.check(text(ONLINE, **change))
    (folder.checkpoints / "checkpoint-4").rmdir()
    with pytest.raises(UserError, match="without a checkpoint"):
        folder.check(text(ONLINE, trainer__max_steps=5))


def test_clearing_leaves_the_lock_alone(begun):
    folder = begun(ONLINE)
    folder.lock.write_text("{}")
    folder.clear()
    assert list(folder.path.iterdir()) == [folder.lock]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    file = tmp_path / "summary.json"
    write_atomically(file, "old")
    with pytest.raises(TypeError):
        write_atomically(file, 3)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_told_with_the_file_that_did_not_fit(tmp_path):
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    folder = RunFolder(tmp_path)
    with pytest.raises(OSError) as full:
        folder.append(folder.metrics, {"step": 1})
    assert of_the_disk(full.value) == f"{folder.metrics}: No space left on device"
    unnamed = OSError(errno.ENOSPC, "No space left on device")
    assert of_the_disk(unnamed) == "a file could not be written: No space left on device"


def test_completions_that_cannot_be_written_leave_no_half_of_a_file(tmp_path, monkeypatch):
    def half(table, out):
        out.write(b"PAR1")
        raise OSError(28, "no room")

    folder = RunFolder(tmp_path)
    folder.completions.mkdir()
    with monkeypatch.context() as broken, pytest.raises(OSError, match="no room"):
        broken.setattr(completions.parquet, "write_table", half)
        completions.write(folder, 1, {"completion": ["a"]})
    assert not list(folder.completions.iterdir())
    completions.write(folder, 1, {"completion": ["a"]})
    assert [file.name for file in folder.completions.iterdir()] == ["step_000001.parquet"]


def test_completions_with_columns_of_several_types_are_written(tmp_path):
    folder = RunFolder(tmp_path)
    folder.completions.mkdir()
    odd = {"why": ["a", 1, None], "of": [{}, {}, {}], "half": ["\ud83d", "b", "c"], "number": [1, 2.5, None]}
    completions.write(folder, 1, {"completion": ["x", "y", "z"], **odd})
    frame = completions.read(folder)
    assert list(frame["why"][:2]) == ["a", "1"] and frame["why"].isna()[2] and list(frame["of"]) == ["{}"] * 3
    assert list(frame["half"]) == ["\ufffd", "b", "c"] and list(frame["number"][:2]) == [1.0, 2.5]


def test_damaged_completions_are_named(tmp_path):
    folder = RunFolder(tmp_path)
    folder.completions.mkdir()
    completions.write(folder, 1, {"prompt": ["1+1?"]})
    (folder.completions / "step_000002.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"step_000002\.parquet: is damaged: .*delete it, and it is left out"):
        completions.read(folder)
