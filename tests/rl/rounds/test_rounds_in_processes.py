"""Rounds as real processes: two under accelerate, and one killed by the system."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rl.storage.run_folder import RunFolder, read_jsonl
from tests.rl.conftest import SMALL
from tests.rl.rounds.test_rounds import CONFIGS, TINY, run

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.slow


def overrides(**more):
    return [f"{key}={value}" for key, value in {**SMALL, **TINY, **more}.items()]


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_two_processes_have_the_losses_of_one_on_the_same_pairs(tmp_path, name):
    """Both have an NLL over tokens beside the preference loss, and the chosen ones differ in length."""
    more = {"trainer.max_steps": 10, "algorithm.rounds": 1, "algorithm.prompts": 64, "trainer.save_steps": 10}
    alone, _ = run(name, tmp_path / "one", **more, **{"trainer.per_device_train_batch_size": 8})
    together = RunFolder(tmp_path / "two" / name)
    shutil.copytree(alone.path / "pool", together.path / "pool")
    how = ["--config_file", str(CONFIGS / "accelerate" / "cpu_2.yaml"), "--main_process_port", "0"]
    given = overrides(**more, **{"logging.folder": tmp_path / "two"})
    subprocess.run(
        [str(BIN / "accelerate"), "launch", *how, "-m", "rl.train", str(CONFIGS / f"{name}.yaml"), *given],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )
    one, two = ([row["loss"] for row in read_jsonl(f.metrics) if "loss" in row] for f in (alone, together))
    assert len(one) == 10 and two == pytest.approx(one, abs=1e-4)


def test_a_run_killed_by_the_system_ends_where_an_uninterrupted_one_does(tmp_path):
    whole, _ = run("dpo", tmp_path / "whole", **{"trainer.max_steps": 20})
    folder = RunFolder(tmp_path / "killed" / "dpo")
    given = overrides(**{"trainer.max_steps": 20, "logging.folder": tmp_path / "killed"})
    process = subprocess.Popen([str(BIN / "whetstone"), "train", str(CONFIGS / "dpo.yaml"), *given])
    while process.poll() is None and not any("loss" in row for row in read_jsonl(folder.metrics)):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not folder.finished
    run("dpo", tmp_path / "killed", **{"trainer.max_steps": 20})
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    assert all((ours[key] == theirs[key]).all() for key in theirs)
    assert read_jsonl(folder.metrics) == read_jsonl(whole.metrics)
