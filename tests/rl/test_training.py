import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from rl import config as configuration
from rl import tasks
from rl.cli import run as whetstone
from rl.errors import UserError
from rl.runs import plan
from rl.storage import lock
from rl.storage.completions import steps_of
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import train

CONFIGS = Path(__file__).parents[2] / "configs"
QUICKSTART = str(CONFIGS / "quickstart.yaml")
WHETSTONE = str(Path(sys.executable).with_name("whetstone"))


def run(overrides, **options):
    return train(configuration.load(QUICKSTART, overrides), **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run: its folder and its summary."""
    from tests.rl.conftest import SMALL_ONLINE

    folder = tmp_path_factory.mktemp("runs")
    summary = run([f"{key}={value}" for key, value in {**SMALL_ONLINE, "logging.folder": folder}.items()])
    return RunFolder(folder / "quickstart"), summary


def test_a_finished_run_is_exported_with_the_figures_and_the_data_it_was_made_of(finished, tmp_path, capsys):
    folder, summary = finished
    whetstone(["export", str(folder.path), "--to", str(tmp_path / "out")])
    assert "the model card README.md" in capsys.readouterr().out
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| right (greedy decoding) | {summary['before']['greedy']['value']:.3f} (" in card
    assert summary["data"]["train"]["rows"] == 64 and summary["data"]["train"]["sha256"] in card
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out").config.model_type


def test_the_summary_holds_what_the_design_names(finished):
    folder, summary = finished
    assert json.loads(folder.summary.read_text()) == summary
    assert {"name", "algorithm", "task", "seed", "steps", "wall_s", "tokens_generated", "device", "versions"} <= set(
        summary
    )
    assert (summary["name"], summary["algorithm"], summary["task"], summary["steps"]) == (
        "quickstart",
        "ppo",
        "chain",
        4,
    )
    for when in ("before", "after"):
        assert (summary[when]["n"], summary[when]["k"], summary[when]["split"]) == (16, 2, "test")
        for metric in ("greedy", "mean_at_k", "pass_at_k", "maj_at_k", "chain"):
            interval = summary[when][metric]
            assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1


def test_the_run_folder_is_complete(finished):
    folder, _ = finished
    assert configuration.load(folder.config).name == "quickstart"
    assert folder.last_checkpoint().name == "checkpoint-4"
    report = folder.report.read_text()
    assert "<svg" in report and not re.search(r"""(src|href)=["']?http""", report)  # one file, nothing fetched
    assert [file.name for file in sorted(folder.completions.iterdir())] == [
        f"step_{n:06d}.parquet" for n in (1, 2, 3, 4)
    ]
    table = pd.read_parquet(folder.completions / "step_000001.parquet")
    assert len(table) == 16
    assert {
        *("step", "prompt", "gold", "completion", "rewards/correctness", "rewards/steps", "reward", "advantage"),
        *("right", "reason", "finish_reason", "judged_steps"),
    } <= set(table.columns)
    judged = [(text, steps_of(steps)) for text, steps in zip(table["completion"], table["judged_steps"], strict=True)]
    assert any(steps for _, steps in judged)
    assert all(step.end <= len(text) for text, steps in judged for step in steps)
    assert set(table["finish_reason"]) <= {"stop", "length"}


def test_the_saved_policy_loads_and_differs_from_the_start(finished, warm):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, _ = finished
    model = AutoModelForCausalLM.from_pretrained(folder.model)
    assert AutoTokenizer.from_pretrained(folder.model).encode("1+1?") == warm[1].encode("1+1?")
    before = warm[0].state_dict()
    assert any((before[name] != tensor).any() for name, tensor in model.state_dict().items())


def test_metrics_have_a_line_a_step_and_the_evaluations(finished):
    folder, _ = finished
    metrics = read_jsonl(folder.metrics)
    assert [row["step"] for row in metrics if "reward" in row] == [1, 2, 3, 4]
    assert {row["step"] for row in metrics if "eval/validation/greedy" in row} == {0, 2, 4}
    assert {row["step"] for row in metrics if "eval/test/greedy" in row} == {0, 4}
    rewards = [row for row in metrics if "reward" in row]
    assert all(row["rewards/correctness/mean"] == pytest.approx(row["reward"]) for row in rewards)


def test_generated_tokens_do_not_depend_on_how_often_is_logged(finished, small):
    _, alone = finished
    summary = run([*small, "trainer.logging_steps=2"])
    assert summary["tokens_generated"] == pytest.approx(alone["tokens_generated"], abs=2)


def test_a_finished_run_is_not_overwritten_unless_asked(finished, small):
    folder, _ = finished
    overrides = [*small, f"logging.folder={folder.path.parent}"]
    with pytest.raises(UserError, match="holds a finished run"):
        run(overrides)


def test_the_same_command_resumes_and_ends_where_an_uninterrupted_run_does(finished, small, tmp_path):
    whole, _ = finished
    folder = RunFolder(tmp_path / "quickstart")
    run(small)
    # as a run leaves it that was killed after its checkpoint at step 2
    folder.summary.unlink()
    for row in folder.checkpoints.glob("checkpoint-4/*"):
        row.unlink()
    folder.checkpoints.joinpath("checkpoint-4").rmdir()
    run(small)
    resumed, uninterrupted = load_file(folder.model / "model.safetensors"), load_file(whole.model / "model.safetensors")
    assert all((resumed[name] == uninterrupted[name]).all() for name in uninterrupted)
    steps = [row["step"] for row in read_jsonl(folder.metrics) if "reward" in row]
    assert steps == [1, 2, 3, 4]


@pytest.mark.parametrize("more", [[], ["trainer.steps_per_generation=2"]])
def test_a_finished_run_that_is_extended_ends_where_one_of_that_length_does(small, tmp_path, more):
    same = [*small, "trainer.lr_scheduler_type=constant", *more]
    whole = RunFolder(tmp_path / "whole")
    run([*same, "trainer.max_steps=8", "name=whole"])
    run([*same, "name=extended"])
    summary = run([*same, "name=extended", "trainer.max_steps=8", "evaluation.every=4"])
    folder = RunFolder(tmp_path / "extended")
    assert summary["steps"] == 8
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    assert all((ours[name] == tensor).all() for name, tensor in theirs.items())
    assert [row["step"] for row in read_jsonl(folder.metrics) if "loss" in row] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [list(row["changes"]) for row in read_jsonl(folder.config_changes)] == [
        ["trainer.max_steps", "evaluation.every"]
    ]
    assert configuration.load(folder.config).trainer["max_steps"] == 8


def test_a_run_that_ended_inside_a_generation_cycle_is_not_extended(small, tmp_path):
    """What the rest of the cycle would learn from is not kept. The folder is as such a run leaves it."""
    two_steps = [*small, "trainer.steps_per_generation=2"]
    folder = RunFolder(tmp_path / "quickstart")
    folder.start(configuration.dump(configuration.load(QUICKSTART, [*two_steps, "trainer.max_steps=3"])))
    (folder.checkpoints / "checkpoint-3").mkdir(parents=True)
    before = sorted(folder.path.rglob("*"))
    for finished_too in (False, True):
        if finished_too:
            folder.summary.write_text("{}")
            before = sorted(folder.path.rglob("*"))
        with pytest.raises(UserError, match=r"checkpoint is of step 3, inside a generation cycle of 2 optimizer steps"):
            run([*two_steps, "trainer.max_steps=4"])
        assert sorted(folder.path.rglob("*")) == before


def test_a_second_run_in_a_folder_is_refused_and_the_first_one_is_named(small, tmp_path):
    lock.acquire(tmp_path / "quickstart" / "lock.json")
    for fresh in (False, True):
        with pytest.raises(
            UserError, match=rf"quickstart: another run is in progress in this folder, process {os.getpid()}"
        ):
            run(small, fresh=fresh)
    assert [path.name for path in (tmp_path / "quickstart").iterdir()] == ["lock.json"]


class Killed(Exception):
    pass


@pytest.mark.parametrize("more", [[], ["policy.lora.r=2", "algorithm=grpo"]])
def test_a_run_killed_in_its_last_evaluation_takes_no_step_more(small, tmp_path, monkeypatch, more):
    from rl.runs.online import OnlineRun

    def killed(self):
        raise Killed

    folder = RunFolder(tmp_path / "quickstart")
    with monkeypatch.context() as patched:
        patched.setattr(OnlineRun, "finish", killed)
        with pytest.raises(Killed):
            run([*small, *more])
    file = "adapter_model.safetensors" if more else "model.safetensors"
    trained, metrics = load_file(folder.model / file), read_jsonl(folder.metrics)
    (folder.model / file).unlink()
    assert run([*small, *more])["steps"] == 4
    resumed, saved = load_file(folder.model / file), load_file(folder.checkpoints / "checkpoint-4" / file)
    assert all((resumed[name] == tensor).all() and (saved[name] == tensor).all() for name, tensor in trained.items())
    assert read_jsonl(folder.metrics)[: len(metrics)] == metrics


@pytest.mark.parametrize("more", [[], ["algorithm.curriculum.floor=0.2"], ["algorithm.dynamic_sampling.draws=2"]])
def test_a_train_split_smaller_than_a_generation_cycle_is_refused(small, tmp_path, more):
    # 16 completions a batch x 2 batches, 4 a prompt: 8 prompts
    few = [*small, "trainer.steps_per_generation=2", "trainer.save_steps=2", "task.sizes.train=7", *more]
    with pytest.raises(UserError, match=r"task: its train split has 7 rows, and a generation cycle needs 8 prompts"):
        run(few)
    assert not (tmp_path / "quickstart").exists()
    with pytest.raises(UserError, match="7 rows"):
        plan.describe(configuration.load(QUICKSTART, few), tasks.load(configuration.load(QUICKSTART, few)))


def test_a_train_split_as_large_as_a_generation_cycle_of_all_processes_is_enough(small, monkeypatch):
    config = configuration.load(QUICKSTART, [*small, "task.sizes.train=4"])
    assert plan.describe(config, tasks.load(config))  # 16 completions, 4 a prompt
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        UserError, match=r"4 rows, and a generation cycle needs 8 prompts: 32 completions \(16 a device"
    ):
        plan.describe(config, tasks.load(config))


def test_an_unfinished_run_of_another_config_is_refused(small, tmp_path):
    (tmp_path / "quickstart").mkdir()
    config = configuration.load(QUICKSTART, small)
    (tmp_path / "quickstart" / "config.yaml").write_text(configuration.dump(config))
    with pytest.raises(UserError, match=r"unfinished run of another config \(sampling.temperature: 1.0, now 0.5\)"):
        run([*small, "sampling.temperature=0.5"])


def test_ctrl_c_saves_and_says_how_to_resume(small, tmp_path):
    command = [WHETSTONE, "train", QUICKSTART, *small, "trainer.max_steps=400", "evaluation.every=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    metrics = tmp_path / "quickstart" / "metrics.jsonl"
    while process.poll() is None and not any("reward" in row for row in read_jsonl(metrics)):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1  # it is not done
    saved = RunFolder(tmp_path / "quickstart").last_checkpoint()
    assert saved is not None and int(saved.name.rpartition("-")[2]) < 400
    assert "To resume: whetstone train" in output


def test_a_reward_column_that_the_data_lacks_is_refused_before_training(small, tmp_path):
    with pytest.raises(UserError, match=r"rewards.correctness: needs a column"):
        run([*small, "rewards.correctness.verifier=facts"])
    assert not (tmp_path / "quickstart").exists()


def test_fresh_does_not_destroy_the_old_run_when_the_new_one_cannot_start(finished, small):
    folder, _ = finished
    overrides = [*small, f"logging.folder={folder.path.parent}", "policy.model=no/such/folder"]
    with pytest.raises(UserError, match="could not be loaded"):
        run(overrides, fresh=True)
    assert folder.finished


@pytest.mark.parametrize("processes", [1, 2])
def test_accelerate_launches_the_same_run(processes, small, tmp_path, finished):
    accelerate = str(Path(sys.executable).with_name("accelerate"))
    how = ["--config_file", str(CONFIGS / "accelerate" / "cpu_2.yaml"), "--main_process_port", "0"]
    if processes == 1:
        how = [
            "--cpu",
            "--num_processes",
            "1",
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
        ]
    batch = f"trainer.per_device_train_batch_size={16 // processes}"
    done = subprocess.run(
        [accelerate, "launch", *how, "-m", "rl.train", QUICKSTART, *small, batch],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "quickstart" / "summary.json").read_text())
    assert summary["processes"] == processes and summary["steps"] == 4
    _, alone = finished
    assert summary["before"]["greedy"] == alone["before"]["greedy"]
    table = pd.read_parquet(tmp_path / "quickstart" / "completions" / "step_000001.parquet")
    assert len(table) == 16  # those of all processes
    assert (table.groupby(table.index // 4)["prompt"].nunique() == 1).all()  # groups stay whole


def test_a_run_is_not_resumed_on_other_rows_and_says_so_of_other_test_rows(finished, small, tmp_path, capsys):
    folder = RunFolder(tmp_path / "quickstart")
    shutil.copytree(finished[0].path, folder.path)
    folder.summary.unlink()
    was = json.loads(folder.started_with.read_text())
    assert was["data.train"].startswith("64 rows, ") and was["processes"] == 1
    same = [*small, f"logging.folder={tmp_path}"]
    for key, other, says in [
        ("data.train", "63 rows, 0123456789ab", r"other data \(train: 63 rows, 0123456789ab, now 64 rows, "),
        ("processes", 2, "a run on 2 processes, and a step on 1"),
    ]:
        folder.started_with.write_text(json.dumps({**was, key: other}))
        with pytest.raises(UserError, match=says):
            run(same)
    folder.started_with.write_text(json.dumps({**was, "data.test": "15 rows, 0123456789ab"}))
    run(same)
    printed = " ".join(capsys.readouterr().out.split())
    assert "evaluations before this point were made with another data.test" in printed
    assert json.loads(folder.started_with.read_text()) == was
    assert "data.test" in read_jsonl(folder.config_changes)[0]["changes"]


def test_fresh_refuses_a_folder_that_no_run_has_made(small, tmp_path):
    mine = tmp_path / "quickstart" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    with pytest.raises(UserError, match=r"--fresh would delete what is in it: thesis\.txt"):
        run(small, fresh=True)
    assert mine.read_text() == "years of work"
