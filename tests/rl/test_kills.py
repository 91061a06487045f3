"""Commands that the system kills at any moment: the same command then ends where one that nothing stopped does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from rl.storage.run_folder import RunFolder, read_jsonl
from rl.tasks import chain
from tests.rl.conftest import SMALL

ROOT = Path(__file__).parents[2]
ROUNDS = {
    **SMALL,
    "algorithm.rounds": 2,
    "algorithm.prompts": 16,
    "trainer.max_steps": 3,
    "trainer.save_steps": 1,
    "trainer.per_device_train_batch_size": 4,
}
SAMPLED = {key: value for key, value in SMALL.items() if not key.startswith("trainer.")}
STAGES = """
name: two
policy: {model: embedded}
task: {name: chain}
algorithm: {name: grpo}
rewards: {correctness: {weight: 1.0}}
sampling: {max_tokens: 16}
stages:
  imitate:
    algorithm: {name: sft, examples: traces.jsonl}
    trainer: {max_steps: 2}
  explore:
    trainer: {max_steps: 2, steps_per_generation: 1, save_steps: 1}
"""
MOMENTS = {
    "in the draw of the second round": ("rl.rounds.draws:Draws.draw", 2),
    "in the second fit": ("transformers:Trainer.training_step", 5),
    "with the weights of a round saved and no more": ("rl.rounds.finished:seal", 1),
    "between a round and its evaluation": ("rl.rounds.rounds:Rounds.measure", 3),
    "in the writing of a checkpoint": ("rl.storage.checkpoints:seal", 2),
    "in the final evaluation": ("rl.runs.run:Run.finish", 1),
}
OF_STAGES = {
    "between the stages": ("rl.stages:train", 2),
    "in the second stage": ("transformers:Trainer.training_step", 4),
    "before the stages' summary": ("rl.stages:write_stages_report", 1),
}


TIMED = ("second", "time")
"""Parts of the names of metrics that the clock decides."""


def launched(folder, place, times, *command):
    return subprocess.run(
        [sys.executable, "-m", "tests.rl.killed_command", place, str(times), *map(str, command)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def survives(folder, place, times, *command):
    """Kill the command, run it again, and see it end well."""
    killed = launched(folder, place, times, *command)
    assert killed.returncode == -9, killed.stderr[-2000:]
    again = launched(folder, place, 0, *command)
    assert again.returncode == 0, again.stderr[-2000:]


def whole(folder, *command):
    done = launched(folder, "rl.cli:run", 0, *command)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def same(one, other, name):
    ours, theirs = RunFolder(one / name), RunFolder(other / name)
    first, second = (load_file(folder.model / "model.safetensors") for folder in (ours, theirs))
    assert all((first[key] == second[key]).all() for key in first)
    for file in ("metrics", "evaluations"):
        rows = [
            [
                {key: row[key] for key in row if not any(t in key for t in TIMED)}
                for row in read_jsonl(getattr(of, file))
            ]
            for of in (ours, theirs)
        ]
        assert rows[0] == rows[1]
    assert not list(ours.path.rglob(".staging")) and not list((ours.path / "rounds").glob(".*"))


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """Makes, once each, runs in rounds that nothing stopped."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = whole(tmp_path_factory.mktemp(name), *train(name))
        return made[name]

    return make


def train(name):
    return ["train", ROOT / "configs" / f"{name}.yaml", *(f"{key}={value}" for key, value in ROUNDS.items())]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", ["dpo", "star"])
def test_a_run_in_rounds(name, moment, rounds, tmp_path):
    survives(tmp_path, *MOMENTS[moment], *train(name))
    same(tmp_path, rounds(name), f"runs/{name}")


@pytest.mark.slow
@pytest.mark.parametrize("moment", OF_STAGES)
def test_stages(moment, task, tmp_path):
    rows = [{"prompt": row["prompt"], "completion": chain.solve(row["prompt"])} for row in task.splits["train"]]
    small = {key: value for key, value in SMALL.items() if not key.startswith(("trainer.max", "trainer.save"))}
    command = ["train", "two.yaml", *(f"{key}={value}" for key, value in small.items())]
    for folder in (tmp_path / "killed", tmp_path / "whole"):
        folder.mkdir()
        (folder / "two.yaml").write_text(STAGES)
        (folder / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    survives(tmp_path / "killed", *OF_STAGES[moment], *command)
    whole(tmp_path / "whole", *command)
    for stage in ("imitate", "explore"):
        same(tmp_path / "killed", tmp_path / "whole", f"runs/two/two.{stage}")
    assert (tmp_path / "killed" / "runs" / "two" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("place", "times"), [("rl.traces:judge", 2), ("rl.traces:_write", 1)])
def test_sampling_into_a_file(place, times, tmp_path):
    own = ["sample", ROOT / "configs" / "grpo.yaml", "--prompts", "128", "task.sizes.train=128"]
    command = [*own, *(f"{key}={value}" for key, value in SAMPLED.items() if key != "task.sizes.train")]
    survives(tmp_path, place, times, *command, "--out", "killed.jsonl")
    whole(tmp_path, *command, "--out", "whole.jsonl")
    assert (tmp_path / "killed.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["killed.jsonl", "whole.jsonl"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "times"),
    [
        ("rl.prm.trainer:PrmTrainer.compute_loss", 3),
        ("transformers:PreTrainedModel.save_pretrained", 1),
        ("transformers:PreTrainedTokenizerBase.save_pretrained", 1),
    ],
)
def test_a_process_reward_model_is_trained_again_to_the_same_weights(place, times, task, warm, tmp_path):
    for part in warm:
        part.save_pretrained(tmp_path / "policy")
    rows = []
    for number, row in enumerate(task.splits["train"]):
        completion = chain.solve(row["prompt"])
        end = completion.index("=") + 2
        rows.append(
            {
                "prompt": row["prompt"],
                "completion": completion,
                "steps": [{"start": 0, "end": end, "label": number % 2}],
            }
        )
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    how = ["prm", "train", "labels.jsonl", "--model", "policy", "--batch", "16", "--epochs", "2"]
    survives(tmp_path, place, times, *how, "--out", "killed")
    whole(tmp_path, *how, "--out", "whole")
    made = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("killed", "whole")]
    assert made[0] == made[1] and "prm.json" in made[0]
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("killed", "whole"))
    assert all((first[key] == second[key]).all() for key in first)
