"""Runs that fit on given examples: the loss to the number, what is left, killed and resumed, mixed with samples."""

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.rounds.rounds import Rounds
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.tasks import chain
from rl.training import train
from tests.rl.conftest import SMALL

OWN = {
    "name": "given",
    "task": "chain",
    "policy.model": "embedded",
    "algorithm": "sft",
    **SMALL,
    "trainer.max_steps": 2,
    "trainer.per_device_train_batch_size": 64,
    "evaluation.every": 0,
    "sampling.max_tokens": 16,
}


@pytest.fixture
def traces(task, tmp_path):
    file = tmp_path / "traces.jsonl"
    rows = [{"prompt": row["prompt"], "completion": chain.solve(row["prompt"])} for row in task.splits["train"]]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(folder, **settings):
    given = {**OWN, "logging.folder": folder, **settings}
    return train(configuration.load(None, [f"{key}={value}" for key, value in given.items()]))


def metrics(folder):
    return read_jsonl(RunFolder(folder / "given").metrics)


def test_the_loss_is_the_mean_negative_log_likelihood_of_the_examples_tokens(traces, task, warm, tmp_path, cache):
    summary = run(tmp_path, **{"algorithm.examples": traces, "trainer.max_steps": 1})
    model, tokenizer = warm
    nats, tokens = 0.0, 0
    for row in task.splits["train"]:
        prompt = prompt_ids(row["prompt"], tokenizer)
        ids = [*tokenizer(chain.solve(row["prompt"]), add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        nats -= logits.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)].sum().item()
        tokens += len(ids)
    (first,) = [line["loss"] for line in metrics(tmp_path) if "loss" in line]
    assert first == pytest.approx(nats / tokens, rel=1e-4)
    assert summary["steps"] == 1 and not RunFolder(tmp_path / "given").path.joinpath("pool").exists()
    assert [line["rounds/given"] for line in metrics(tmp_path) if "rounds/given" in line] == [64]


class Stop(Exception):
    pass


def test_a_killed_run_on_examples_ends_with_the_same_weights(traces, tmp_path, monkeypatch, cache):
    settings = {"algorithm.examples": traces, "algorithm.rounds": 2, "algorithm.fit_from": "last"}
    run(tmp_path / "whole", **settings)
    saved = Rounds._save

    def killed(self, number, trainer):
        saved(self, number, trainer)
        raise Stop

    monkeypatch.setattr(Rounds, "_save", killed)
    with pytest.raises(Stop):
        run(tmp_path / "cut", **settings)
    monkeypatch.undo()
    run(tmp_path / "cut", **settings)
    whole, cut = (load_file(tmp_path / name / "given" / "model" / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    losses = [[line.get("loss") for line in metrics(tmp_path / name)] for name in ("whole", "cut")]
    assert [x for x in losses[0] if x] == [x for x in losses[1] if x] and sum(map(bool, losses[0])) == 4


def test_examples_stand_beside_what_is_kept_of_the_samples(traces, tmp_path, cache):
    more = {"algorithm.prompts": 16, "rewards.correctness.weight": 1, "algorithm.wrong_step_weight": 0.5}
    run(tmp_path, **{"algorithm.examples": traces}, **more)
    (round_,) = [line for line in metrics(tmp_path) if "rounds/number" in line]
    assert round_["rounds/given"] == 64 and round_["rounds/kept"] >= 0
    assert len(pd.read_parquet(tmp_path / "given" / "pool" / "round_000.parquet")) == 64


@pytest.mark.parametrize("of", ["failed", "as_many"])
def test_a_round_fits_on_the_examples_of_what_it_never_answered_right(of, traces, tmp_path, cache):
    more = {"algorithm.prompts": 32, "rewards.correctness.weight": 1, "algorithm.keep.threshold": 2}
    run(tmp_path, **{"algorithm.examples": f"{{data: {traces}, of: {of}}}"}, **more)
    pool = pd.read_parquet(tmp_path / "given" / "pool" / "round_000.parquet")
    failed = sum(not group.any() for _, group in pool.groupby("index")["right"])
    (round_,) = [line for line in metrics(tmp_path) if "rounds/number" in line]
    assert (round_["rounds/given"], round_["rounds/kept"]) == (failed, 0) and 0 < failed < 32


@pytest.mark.parametrize("algorithm", ["dpo", "orpo"])
def test_preference_files_are_fitted_on(task, tmp_path, cache, algorithm):
    file = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": row["prompt"], "chosen": chain.solve(row["prompt"]), "rejected": "1+1=3#3"}
        for row in task.splits["train"]
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path, **{"algorithm": algorithm, "algorithm.examples": file})
    lines = [line for line in metrics(tmp_path) if "loss" in line]
    assert len(lines) == 2 and {"logps/chosen", "logps/rejected"} <= set(lines[0])
    if algorithm == "dpo":  # the policy is its own reference before the first step: -log sigmoid(0)
        assert lines[0]["loss"] == pytest.approx(0.6931, abs=1e-4)
