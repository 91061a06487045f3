"""Two processes under accelerate against one, for GRPO and PPO, and two that learn the embedded task."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl.storage.run_folder import RunFolder, read_jsonl
from tests.rl.conftest import SMALL

ROOT = Path(__file__).parents[2]
GRPO = str(ROOT / "configs" / "grpo.yaml")
TWO = ["launch", "--config_file", str(ROOT / "configs" / "accelerate" / "cpu_2.yaml"), "--main_process_port", "0"]
TEN_STEPS = {
    **SMALL,
    "trainer.max_steps": 10,
    "trainer.save_steps": 10,
    "trainer.learning_rate": 3e-3,  # so that the tenth step's loss depends on the nine before it
    "policy.warm_start.steps": 300,  # so that enough groups carry signal
    "evaluation.every": 0,
    "evaluation.n": 4,
}
OUTCOME = {"rewards.correctness.weight": 1.0}
STEPS = {"rewards.steps.kind": "correctness", "rewards.steps.weight": 1.0, "rewards.steps.credit": "min"}
PPO = {"algorithm": "ppo", "algorithm.critic.batch": 64}
pytestmark = pytest.mark.slow


def launch(processes, module, *arguments):
    start = [str(Path(sys.executable).with_name("accelerate")), *TWO] if processes == 2 else [sys.executable]
    done = subprocess.run(
        [*start, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def given(processes, folder, batch, **settings):
    here = {"logging.folder": folder, "trainer.per_device_train_batch_size": batch // processes}
    return [f"{key}={value}" for key, value in {**settings, **here}.items()]


def compared(row):
    """What of a log line must not depend on the number of processes. The entropy is that of what was run."""
    exact = {"loss", "grad_norm", "reward"}
    return {name: value for name, value in row.items() if name in exact or name.startswith(("critic/", "ppo/"))}


@pytest.mark.parametrize(
    "settings",
    [
        OUTCOME,
        STEPS,
        {**OUTCOME, **STEPS, "trainer.loss_type": "grpo", "trainer.num_iterations": 2},
        {**OUTCOME, **PPO},
        {**STEPS, **PPO, "algorithm.whiten_rewards": True, "algorithm.kl": 0.05, "trainer.num_iterations": 2},
        {**STEPS, **PPO, "algorithm.overlap": True, "algorithm.kl": 0.05},
    ],
    ids=["grpo", "grpo-steps", "grpo-both-epochs", "ppo", "ppo-steps-kl-epochs", "ppo-overlap"],
)
def test_two_processes_have_the_losses_of_one_on_the_same_rollouts(settings, tmp_path):
    rows = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        overrides = given(processes, folder, 64, **TEN_STEPS, **settings)
        launch(processes, "tests.rl.replayed_run", tmp_path / "rollouts.jsonl", GRPO, *overrides)
        rows.append([row for row in read_jsonl(RunFolder(folder / "grpo").metrics) if "loss" in row])
    for one, two in zip(*rows, strict=True):
        assert compared(two) == pytest.approx(compared(one), abs=1e-4)
    assert len(rows[0]) == 10 and any(row["grad_norm"] > 1e-3 for row in rows[0])


@pytest.mark.parametrize("name", ["ppo", "grpo_steps"])
def test_two_live_processes_learn_chain(name, tmp_path):
    settings = {"trainer.max_steps": 320, "evaluation.every": 0, "evaluation.n": 300, "evaluation.k": 1}
    overrides = given(2, tmp_path, 16, **settings, **{"logging.wandb": "disabled"})
    launch(2, "rl.train", ROOT / "configs" / f"{name}.yaml", *overrides)
    summary = json.loads(RunFolder(tmp_path / name).summary.read_text())
    assert summary["processes"] == 2
    assert summary["before"]["greedy"]["high"] < 0.3 and summary["after"]["greedy"]["low"] > 0.7
