import json
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from transformers import TrainerCallback

from rl import config as configuration
from rl.rounds import Rounds
from rl.run_folder import RunFolder, read_jsonl
from rl.train import train
from tests.rl.conftest import SMALL

CONFIGS = Path(__file__).parents[2] / "configs"
TINY = {
    "algorithm.rounds": 2,
    "algorithm.prompts": 16,
    "trainer.max_steps": 3,
    "trainer.save_steps": 1,
    "trainer.per_device_train_batch_size": 4,
    "evaluation.n": 8,
    "evaluation.every": 0,
    "task.sizes.test": 16,
}


def run(name, folder, **more):
    given = {**SMALL, **TINY, "logging.folder": folder, **more}
    config = configuration.load(CONFIGS / f"{name}.yaml", [f"{key}={value}" for key, value in given.items()])
    return RunFolder(folder / name), train(config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounds")
    return {name: run(name, folder) for name in ("dpo", "orpo", "star")}


@pytest.mark.parametrize("name", ["dpo", "orpo", "star"])
def test_a_run_in_rounds_leaves_pool_policy_metrics_and_summary(finished, name):
    folder, summary = finished[name]
    assert json.loads(folder.summary.read_text()) == summary and summary["steps"] == 6
    pool = pd.read_parquet(folder.path / "pool" / "round_001.parquet")
    assert {"row", "prompt", "completion", "score", "right", "rewards/correctness", "finish"} <= set(pool.columns)
    rows = read_jsonl(folder.metrics)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4, 5, 6]
    assert [row["rounds/number"] for row in rows if "rounds/number" in row] == [0, 1]
    assert folder.report.exists() and (folder.model / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_log_probabilities_of_chosen_and_rejected_are_logged_apart(finished, name):
    rows = [row for row in read_jsonl(finished[name][0].metrics) if "loss" in row]
    assert all({"logps/chosen", "logps/rejected"} <= set(row) for row in rows)


class Killed(Exception):
    pass


class Kill(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 2:
            raise Killed


def _kill_while_sampling(monkeypatch):
    original = Rounds._draw

    def draw(self, number):
        if number == 1:
            raise Killed
        return original(self, number)

    monkeypatch.setattr(Rounds, "_draw", draw)


def _kill_in_a_fit(monkeypatch):
    original = Rounds._trainer

    def trainer(self, number, used):
        made = original(self, number, used)
        if number == 1:
            made.add_callback(Kill())
        return made

    monkeypatch.setattr(Rounds, "_trainer", trainer)


def _kill_after_a_fit(monkeypatch):
    def save(self, number, trainer):
        raise Killed

    monkeypatch.setattr(Rounds, "_save", save)


@pytest.mark.parametrize("name", ["dpo", "orpo", "star"])
@pytest.mark.parametrize("kill", [_kill_while_sampling, _kill_in_a_fit, _kill_after_a_fit])
def test_a_run_killed_at_any_moment_ends_with_the_same_weights_and_metrics(finished, tmp_path, monkeypatch, name, kill):
    with monkeypatch.context() as patched:
        kill(patched)
        with pytest.raises(Killed):
            run(name, tmp_path)
    folder, _ = run(name, tmp_path)
    whole = finished[name][0]
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    assert all((ours[key] == theirs[key]).all() for key in theirs)
    assert read_jsonl(folder.metrics) == read_jsonl(whole.metrics)


@pytest.mark.parametrize("name", ["dpo", "star"])
def test_adapters_are_trained_in_rounds_and_go_on_from_the_last(tmp_path, name):
    folder, summary = run(name, tmp_path, **{"policy.lora.r": 4, "algorithm.fit_from": "last"})
    assert summary["steps"] == 6 and (folder.model / "adapter_model.safetensors").exists()
