import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from rl import config as configuration
from rl import training
from rl.errors import UserError, of_the_disk
from rl.storage import checkpoint_folders, checkpoints
from rl.storage.run_folder import RunFolder, read_jsonl
from tests.hostile import Hostile
from tests.rl.conftest import SMALL

ROOT = Path(__file__).parents[3]
GRPO = str(ROOT / "configs" / "grpo.yaml")
LONGER = {
    **SMALL,
    "task.sizes.train": 16,  # four steps are a pass over the data, and the run makes three
    "trainer.max_steps": 11,
    "trainer.save_steps": 2,
    "trainer.save_total_limit": 3,
    "trainer.logging_steps": 3,  # so that checkpoints fall between log lines
    "evaluation.every": 3,
}


DRAWING = {"algorithm.dynamic_sampling.draws": 2, "algorithm.curriculum.memory": 0.5}
PPO = {"algorithm": "ppo", "algorithm.critic.batch": 8, "algorithm.critic.warm_up_cycles": 7}
OVERLAP = {"algorithm.overlap": "true"}
AHEAD = PPO | OVERLAP | {"algorithm.curriculum.memory": 0.5}
ALGORITHMS = {
    "grpo": {}, "grpo-drawing": DRAWING, "grpo-overlap": OVERLAP,
    "ppo": PPO, "ppo-drawing": PPO | DRAWING, "ppo-overlap": AHEAD,
}  # fmt: skip
"""Of PPO's critic, steps in shuffled batches, and a warm-up that ends after the checkpoint that is resumed from."""


def overrides(folder, **changed):
    return [f"{key}={value}" for key, value in {**LONGER, "logging.folder": folder, **changed}.items()]


def timeless(folder):
    """The metrics and the evaluations, without times."""
    times = ("time", "seconds")
    metrics = [{k: v for k, v in r.items() if not any(t in k for t in times)} for r in read_jsonl(folder.metrics)]
    return metrics, [{k: v for k, v in row.items() if k != "seconds"} for row in read_jsonl(folder.evaluations)]


def assert_same_run(one, other):
    first, second = load_file(one.model / "model.safetensors"), load_file(other.model / "model.safetensors")
    assert all((first[name] == second[name]).all() for name in first)
    assert timeless(one) == timeless(other)


def checkpoint(folder, step):
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights" * step)
    checkpoint_folders.seal(path)
    return path


@pytest.fixture(scope="module", params=["grpo", "ppo-drawing", "ppo-overlap"])
def algorithm(request):
    return ALGORITHMS[request.param]


@pytest.fixture(scope="module")
def whole(algorithm, tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    training.train(configuration.load(GRPO, overrides(folder, **algorithm)))
    return RunFolder(folder / "grpo")


def test_the_newest_whole_checkpoint_is_found_and_the_broken_ones_are_named(tmp_path):
    good, changed, short, unsealed = (checkpoint(tmp_path, step) for step in (9, 10, 20, 30))
    (changed / "model.safetensors").write_bytes(b"Weights" * 10)
    (short / "model.safetensors").write_bytes(b"w")
    (unsealed / "manifest.json").unlink()
    told = []
    assert checkpoint_folders.newest_good(tmp_path, told.append) == good
    assert [line.partition(" is broken ")[2] for line in told] == [
        "(it has no manifest.json); trying the one before it",
        "(model.safetensors has 1 bytes, not 140); trying the one before it",
        "(model.safetensors was changed after it was written); trying the one before it",
    ]


def test_the_newest_two_stay_and_the_best_on_validation_beside_them(tmp_path):
    folder = RunFolder(tmp_path)
    folder.staging.mkdir(parents=True)
    kept = checkpoints.Checkpoints(folder, best=lambda: checkpoint_folders.best_on_validation(folder))
    greedy = {1: 0.1, 2: 0.7, 3: 0.7, 4: 0.2, 5: 0.9, 6: 0.3}
    sampled = {2: 0.6, 3: 0.5}
    there = []
    for step, value in greedy.items():
        checkpoint(folder.checkpoints, step)
        row = {"step": step, "greedy": {"value": value}, "mean_at_k": {"value": sampled.get(step, 0.0)}}
        folder.append(folder.evaluations, {**row, "split": "validation"})
        folder.append(folder.evaluations, {**row, "split": "test", "greedy": {"value": 1 - value}})
        checkpoint_folders.rotate(folder.checkpoints, kept.keep, folder.staging, kept.best())
        there.append([checkpoint_folders.step_of(path) for path in checkpoint_folders.numbered(folder.checkpoints)])
    assert there == [[1], [1, 2], [2, 3], [2, 3, 4], [4, 5], [5, 6]]


def test_the_staging_folder_stays_until_every_process_has_ended_its_training(tmp_path):
    kept, seen = checkpoints.Checkpoints(RunFolder(tmp_path)), []
    kept.folder.staging.mkdir(parents=True)
    waiting = SimpleNamespace(wait_for_everyone=lambda: seen.append(kept.folder.staging.exists()))
    kept.trainer = SimpleNamespace(accelerator=waiting)
    for main in (False, True):  # the Trainer lists the folder on every process just before
        kept.on_train_end(SimpleNamespace(should_save=main), None, None)
    assert seen == [True, True] and not kept.folder.staging.exists()


def test_a_state_that_could_run_code_is_refused_in_one_line(tmp_path):
    torch.save(Hostile(tmp_path / "it ran"), tmp_path / "optimizer.pt")
    saved = tmp_path / "checkpoint-2"
    says = r"checkpoint-2: one of its states .* delete the folder, and the run resumes"
    with pytest.raises(UserError, match=says), checkpoints.refusing_foreign_states(saved):
        torch.load(tmp_path / "optimizer.pt", weights_only=True)
    assert not (tmp_path / "it ran").exists()


def test_without_an_evaluation_at_a_checkpoint_there_is_no_best(tmp_path):
    folder = RunFolder(tmp_path)
    checkpoint(folder.checkpoints, 2)
    assert checkpoint_folders.best_on_validation(folder) is None
    folder.append(folder.evaluations, {"step": 3, "split": "validation", "greedy": {"value": 1.0}, "mean_at_k": None})
    assert checkpoint_folders.best_on_validation(folder) is None
    folder.append(folder.evaluations, {"step": 2, "split": "validation", "greedy": None, "mean_at_k": None})
    assert checkpoint_folders.best_on_validation(folder) == folder.checkpoints / "checkpoint-2"


def test_a_run_leaves_as_many_whole_checkpoints_as_were_asked_for_and_nothing_staged(whole):
    kept = checkpoint_folders.numbered(whole.checkpoints)
    # 6 is the one step with a checkpoint and an evaluation, and so the best on validation
    assert [path.name for path in kept] == ["checkpoint-6", "checkpoint-8", "checkpoint-10", "checkpoint-11"]
    assert [checkpoint_folders.problem(path) for path in kept] == [None] * 4
    assert not whole.staging.exists()


def test_after_an_exception_and_with_its_last_checkpoint_spoilt_a_run_ends_as_if_nothing_had_been(
    whole, algorithm, tmp_path, monkeypatch, capsys
):
    from rl.runs import callbacks

    log = callbacks.Records.on_log

    def failing(self, args, state, control, **kwargs):
        if state.global_step == 9:
            raise OSError("the disk is full")
        log(self, args, state, control, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.Records, "on_log", failing)
        with pytest.raises(OSError, match="disk is full"):
            training.train(configuration.load(GRPO, overrides(tmp_path, **algorithm)))
    folder = RunFolder(tmp_path / "grpo")
    optimizer = folder.checkpoints / "checkpoint-8" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:100])
    training.train(configuration.load(GRPO, overrides(tmp_path, **algorithm)))
    said = capsys.readouterr().out
    assert "checkpoint-8 is broken (optimizer.pt has 100 bytes" in said and "from step 6" in said
    assert_same_run(folder, whole)


def test_a_disk_that_fills_up_in_a_checkpoint_leaves_the_one_before_it_to_go_on_from(
    whole, algorithm, tmp_path, monkeypatch, capsys
):
    save = torch.save

    def filling(values, file, *given, **more):
        save(values, file, *given, **more)
        if "checkpoint-8" in str(file) and "optimizer" in str(file):
            Path(file).write_bytes(Path(file).read_bytes()[:1000])
            save({"much": torch.zeros(10**5)}, "/dev/full")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", filling)
        with pytest.raises(RuntimeError) as full:
            training.train(configuration.load(GRPO, overrides(tmp_path, **algorithm)))
    assert "could not be written, as on a full disk" in (of_the_disk(full.value) or "")
    folder = RunFolder(tmp_path / "grpo")
    assert [path.name for path in checkpoint_folders.numbered(folder.checkpoints)][-1] == "checkpoint-6"
    training.train(configuration.load(GRPO, overrides(tmp_path, **algorithm)))
    assert "from step 6" in capsys.readouterr().out
    assert_same_run(folder, whole)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["generation", "checkpoint", "between"])
@pytest.mark.parametrize("named", ALGORITHMS)
def test_killed_at_any_moment_the_same_command_ends_where_an_uninterrupted_run_does(named, moment, tmp_path):
    def launched(when, folder):
        command = [sys.executable, "-m", "tests.rl.killed_run", when, GRPO]
        return subprocess.run(
            [*command, *overrides(folder, **ALGORITHMS[named])],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    killed = launched(moment, tmp_path / "killed")
    assert killed.returncode == -9, killed.stderr[-2000:]
    resumed = launched("never", tmp_path / "killed")
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    assert "resuming" in resumed.stdout
    assert launched("never", tmp_path / "whole").returncode == 0
    assert_same_run(RunFolder(tmp_path / "killed" / "grpo"), RunFolder(tmp_path / "whole" / "grpo"))
