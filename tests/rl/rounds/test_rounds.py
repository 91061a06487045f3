import json
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import wandb
from safetensors.torch import load_file
from transformers import TrainerCallback

from rl import config as configuration
from rl import tasks
from rl.errors import UserError
from rl.examples.hints import worth_learning
from rl.examples.keep import keep
from rl.rounds.rounds import Rounds
from rl.storage.pool import read as read_pool
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import train
from tests.rl.conftest import SMALL
from tests.rl.logged import logged_but_times

CONFIGS = Path(__file__).parents[3] / "configs"
FITS = ("dpo", "orpo", "star", "quark")
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


HINTED = {"algorithm.hints": "{template: '{prompt}{gold}?', completions: 8}"}


def read(name, folder, **more):
    given = {**SMALL, **TINY, **(HINTED if name == "star" else {}), "logging.folder": folder, **more}
    return configuration.load(CONFIGS / f"{name}.yaml", [f"{key}={value}" for key, value in given.items()])


def run(name, folder, **more):
    return RunFolder(folder / name), train(read(name, folder, **more))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounds")
    return {name: run(name, folder) for name in FITS}


@pytest.mark.parametrize("name", FITS)
def test_a_run_in_rounds_leaves_pool_policy_metrics_and_summary(finished, name):
    folder, summary = finished[name]
    assert json.loads(folder.summary.read_text()) == summary and summary["steps"] == 6
    pool = pd.read_parquet(folder.path / "pool" / "round_001.parquet")
    assert {"index", "prompt", "completion", "reward", "right", "rewards/correctness", "finish_reason"} <= set(
        pool.columns
    )
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

    def trainer(self, number, *rest):
        made = original(self, number, *rest)
        if number == 1:
            made.add_callback(Kill())
        return made

    monkeypatch.setattr(Rounds, "_trainer", trainer)


def _kill_after_a_fit(monkeypatch):
    def save(self, number, trainer):
        raise Killed

    monkeypatch.setattr(Rounds, "_save", save)


KILLS = [_kill_while_sampling, _kill_in_a_fit, _kill_after_a_fit]


def same_end(folder, whole):
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    assert all((ours[key] == theirs[key]).all() for key in theirs)
    assert logged_but_times(folder) == logged_but_times(whole)


def killed(kill, monkeypatch, *how):
    with monkeypatch.context() as patched:
        kill(patched)
        with pytest.raises(Killed):
            run(*how)


IN_A_FIT = ("dpo", _kill_in_a_fit)
REST = [(name, kill) for name in FITS for kill in KILLS if (name, kill) != IN_A_FIT]


@pytest.mark.parametrize(("name", "kill"), [IN_A_FIT, *(pytest.param(*one, marks=pytest.mark.slow) for one in REST)])
def test_a_run_killed_at_any_moment_ends_with_the_same_weights_and_metrics(finished, tmp_path, monkeypatch, name, kill):
    killed(kill, monkeypatch, name, tmp_path)
    same_end(run(name, tmp_path)[0], finished[name][0])


def test_a_run_killed_between_a_round_and_its_evaluation_makes_the_evaluation_up(finished, tmp_path, monkeypatch):
    original = Rounds.measure

    def measure(self, split, step):
        if (split, step) == ("validation", 3):
            raise Killed
        return original(self, split, step)

    killed(lambda patched: patched.setattr(Rounds, "measure", measure), monkeypatch, "star", tmp_path)
    folder = run("star", tmp_path)[0]
    assert folder.evaluation("validation", 3) is not None
    same_end(folder, finished["star"][0])


def test_an_evaluation_on_record_is_not_made_again(finished, tmp_path, monkeypatch):
    """Killed between the last evaluation and the summary."""

    def stop(*_):
        raise Killed

    killed(lambda patched: patched.setattr(Rounds, "summarise", stop), monkeypatch, "star", tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("rl.runs.run.evaluate", stop)
        folder, summary = run("star", tmp_path)
    same_end(folder, finished["star"][0])
    assert summary["after"] == finished["star"][1]["after"]


def test_a_finished_run_of_rounds_that_is_extended_ends_where_one_of_that_length_does(finished, tmp_path):
    whole = finished["star"][0]
    folder, first = run("star", tmp_path, **{"algorithm.rounds": 1})
    assert first["steps"] == 3
    with pytest.raises(UserError, match=r"a larger algorithm\.rounds extends it"):
        run("star", tmp_path, **{"algorithm.rounds": 1})
    _, summary = run("star", tmp_path)
    ours, theirs = (load_file(one.model / "model.safetensors") for one in (folder, whole))
    assert all((ours[key] == theirs[key]).all() for key in theirs)
    assert summary["steps"] == 6 and len(summary["rounds"]) == 2
    assert (summary["before"], summary["after"]) == (finished["star"][1]["before"], finished["star"][1]["after"])
    (changed,) = read_jsonl(folder.config_changes)
    assert changed["changes"] == {"algorithm.rounds": [1, 2]} and changed["rounds"] == "1"
    losses = [[row["loss"] for row in read_jsonl(one.metrics) if "loss" in row] for one in (folder, whole)]
    assert losses[0] == losses[1] and len(losses[0]) == 6


def spoil(file):
    with file.open("r+b") as half:
        half.truncate(file.stat().st_size // 2)


def test_what_a_disk_spoiled_is_made_again(finished, tmp_path, monkeypatch, capsys):
    """The newest checkpoint of the fit under way, and the policy of the round before it."""
    killed(_kill_in_a_fit, monkeypatch, "star", tmp_path)
    folder = RunFolder(tmp_path / "star")
    spoil(folder.checkpoints / "round_001" / "checkpoint-1" / "optimizer.pt")
    spoil(folder.path / "rounds" / "round_000" / "model.safetensors")
    spoil(folder.checkpoints / "round_000" / "checkpoint-3" / "model.safetensors")
    run("star", tmp_path)
    same_end(folder, finished["star"][0])
    said = capsys.readouterr().out
    assert "round_000 is broken (model.safetensors has" in said
    assert "checkpoint-3 is broken (model.safetensors has" in said


@pytest.mark.slow
def test_an_interrupt_while_a_round_is_sampled_is_no_loss(finished, tmp_path, monkeypatch, capsys):
    """The signal is a real one, that of `kill`."""
    original = Rounds._draw

    def draw(self, number):
        if number == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, number)

    with monkeypatch.context() as patched:
        patched.setattr(Rounds, "_draw", draw)
        with pytest.raises(KeyboardInterrupt):
            run("orpo", tmp_path)
    assert "stopped while sampling round 2" in capsys.readouterr().out
    same_end(run("orpo", tmp_path)[0], finished["orpo"][0])


def test_hinted_completions_are_learnt_under_the_plain_prompt(finished):
    folder = finished["star"][0]
    rows = tasks.load(read("star", folder.path.parent)).splits["train"]
    drawn = read_pool(folder.pool, 0, rows)
    hinted, plain = [s for s in drawn if s.hinted], [s for s in drawn if not s.hinted]
    solved = {s.index for s in plain if s.right}
    assert hinted and not {s.index for s in hinted} & solved
    prompts = {s.index: s.prompt for s in plain}
    assert all(s.prompt == prompts[s.index] for s in hinted)
    (first, _) = (row for row in read_jsonl(folder.metrics) if "rounds/hinted" in row)
    learnt = keep(worth_learning(drawn), quota=4)
    assert first["rounds/hinted"] == sum(sample.hinted for sample in learnt) / len(learnt)
    right = [sample for sample in hinted if sample.right]
    wrong_steps = sum(not sample.verdict.chain_right for sample in right) / len(right)  # chain judges every step
    assert first["rounds/hinted_right_by_wrong_steps"] == wrong_steps


def test_the_summary_and_the_report_tell_right_answers_by_wrong_steps_apart_for_hints(finished):
    folder, summary = finished["star"]
    rows = [row for row in read_jsonl(folder.metrics) if "rounds/number" in row]
    for name in ("right_by_wrong_steps", "hinted_right_by_wrong_steps", "right", "kept"):
        assert [one[name] for one in summary["rounds"]] == [row[f"rounds/{name}"] for row in rows]
    assert "hinted right by wrong steps" in folder.report.read_text()
    assert "rounds" in finished["dpo"][1] and "hinted_right_by_wrong_steps" not in finished["dpo"][1]["rounds"][0]


def test_a_hint_that_the_policy_has_no_tokens_for_is_refused_before_sampling(tmp_path):
    with pytest.raises(UserError, match=r"algorithm\.hints\.template: the policy's tokenizer has no token"):
        run("star", tmp_path, **{"algorithm.hints": "{completions: 8}"})
    assert not (tmp_path / "star" / "metrics.jsonl").exists()


@pytest.mark.parametrize("name", ["dpo", "star"])
def test_a_round_that_gives_nothing_to_fit_on_ends_the_run_with_the_policy_as_it_is(tmp_path, capsys, name):
    unreachable = {"dpo": {"algorithm.pairs.margin": 9.0}, "star": {"algorithm.keep.threshold": 9.0}}
    folder, summary = run(name, tmp_path, **unreachable[name])
    said = " ".join(capsys.readouterr().out.split())
    assert "round 1 of 2 gives nothing to fit on" in said and "ends with the current policy" in said
    assert summary["steps"] == 0 and summary["before"] == summary["after"] and folder.report.exists()
    (evaluated,) = {row["tokens"] for row in read_jsonl(folder.evaluations) if row["split"] == "test"}
    others = sum(row["tokens"] for row in read_jsonl(folder.evaluations) if row["split"] != "test")
    assert summary["tokens_generated"] > evaluated + others  # what the round drew counts, too
    (base,) = {row["rounds/number"] for row in read_jsonl(folder.metrics) if "rounds/number" in row}
    assert base == 0 and (folder.model / "model.safetensors").exists() and (folder.model / "tokenizer.json").exists()


def test_completions_and_curves_of_each_round_are_left(finished):
    for name, counted in (("dpo", "Pairs or completions"), ("star", "Samples of each round")):
        folder = finished[name][0]
        assert sorted(file.name for file in folder.completions.iterdir()) == ["step_000000.parquet",
                                                                              "step_000003.parquet"]  # fmt: skip
        table = pd.read_parquet(folder.completions / "step_000003.parquet")
        assert {"step", "prompt", "completion", "reward", "right", "finish_reason"} <= set(table.columns)
        assert counted in folder.report.read_text()
    assert "Log-probability of chosen and of rejected" in finished["dpo"][0].report.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dpo", "star"])
def test_adapters_are_trained_in_rounds_and_go_on_from_the_last(tmp_path, name):
    folder, summary = run(name, tmp_path, **{"policy.lora.r": 4, "algorithm.fit_from": "last"})
    assert summary["steps"] == 6 and (folder.model / "adapter_model.safetensors").exists()


@pytest.mark.slow
def test_all_rounds_are_one_wandb_run_also_when_resumed(tmp_path, monkeypatch):
    offline = {"logging.wandb": "offline"}
    with monkeypatch.context() as patched:
        _kill_in_a_fit(patched)
        with pytest.raises(Killed):
            run("star", tmp_path, **offline)
    wandb.finish()
    folder, _ = run("star", tmp_path, **offline)
    written = [path.name for path in (folder.path / "wandb").glob("offline-run-*")]
    assert len(written) == 2 and len({name.rpartition("-")[2] for name in written}) == 1


GROWING = {"sampling.completions": 1, "algorithm.step_growth": 1.5, "trainer.max_steps": 2, "algorithm.prompts": 64}


def test_fits_grow_from_round_to_round_with_one_sample_a_problem(tmp_path):
    """Two steps, then three."""
    folder, summary = run("star", tmp_path, **GROWING)
    rows = read_jsonl(folder.metrics)
    assert summary["steps"] == 5
    assert [(row["step"], row["round"]) for row in rows if "loss" in row] == [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]
    drawn = read_pool(folder.pool, 0, tasks.load(read("star", tmp_path)).splits["train"])
    assert len([sample for sample in drawn if not sample.hinted]) == 64


@pytest.mark.slow
def test_a_run_whose_fits_grow_is_resumed_in_a_longer_fit_with_the_same_end(tmp_path, monkeypatch):
    whole, _ = run("star", tmp_path / "whole", **GROWING)
    with monkeypatch.context() as patched:
        _kill_in_a_fit(patched)
        with pytest.raises(Killed):
            run("star", tmp_path, **GROWING)
    same_end(run("star", tmp_path, **GROWING)[0], whole)
