"""Completions drawn into a file: what stands in it, how a stopped draw goes on, and that a fit reads it."""

import gzip
import json

import pandas as pd
import pytest

from rl import config as configuration
from rl import traces
from rl.config.examples import Examples
from rl.errors import UserError
from rl.examples.reading import IMITATED, read
from rl.tasks import chain
from rl.traces import draw_traces
from tests.rl.conftest import SMALL


@pytest.fixture
def config(tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    own = ["name=x", "task=chain", "policy.model=embedded", "algorithm=grpo", "sampling.max_tokens=16"]
    own += [f"{key}={value}" for key, value in SMALL.items()]
    rewards = ["rewards.correctness.weight=1", "rewards.steps.weight=1"]
    return lambda *overrides: configuration.load(None, [*own, *rewards, *overrides])


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_tasks_own_solutions_are_right_and_a_fit_reads_them(config, task, tmp_path):
    out = tmp_path / "a.jsonl"
    counts = draw_traces(config(), out, by="reference", prompts=10)
    assert counts == {"drawn": 10, "right": 10, "written": 10}
    rows = lines(out)
    assert [row["completion"] for row in rows] == [chain.solve(row["prompt"]) for row in rows]
    assert all(row["right"] and row["rewards/steps"] == 1.0 and row["reward"] == 2.0 for row in rows)
    found = read(Examples(data=str(out)), task, config().task, IMITATED).rows[str(out)]
    assert [row.texts[0] for row in found] == [row["completion"] for row in rows]


def test_a_policys_completions_have_their_verdict_and_votes(config, tmp_path):
    counts = draw_traces(config(), tmp_path / "a.parquet", prompts=8)
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert len(table) == counts["drawn"] == 8 * 4 and counts["right"] == table["right"].sum()
    for _, group in table.groupby("prompt"):
        for row in group.itertuples():
            same = (group["extracted"] == row.extracted).sum()
            assert row.vote_share == (0.0 if row.extracted is None else pytest.approx(same / 4))


def test_only_right_ones_are_kept_where_that_is_asked(config, tmp_path):
    draw_traces(config(), tmp_path / "all.jsonl.gz", prompts=64)
    counts = draw_traces(config(), tmp_path / "right.jsonl", prompts=64, keep="right")
    with gzip.open(tmp_path / "all.jsonl.gz", "rt") as file:
        everything = [json.loads(line) for line in file]
    assert 0 < counts["right"] == counts["written"] < counts["drawn"] == len(everything)
    assert lines(tmp_path / "right.jsonl") == [row for row in everything if row["right"]]


class Killed(Exception):
    pass


def test_a_stopped_draw_goes_on_and_ends_with_the_same_file(config, tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "CHUNK", 8)
    draw_traces(config(), tmp_path / "whole.jsonl", prompts=32)
    real, calls = traces.judge, []

    def killed(*given):
        calls.append(given)
        if len(calls) == 3:
            raise Killed
        return real(*given)

    monkeypatch.setattr(traces, "judge", killed)
    with pytest.raises(Killed):
        draw_traces(config(), tmp_path / "cut.jsonl", prompts=32)
    (part,) = tmp_path.glob(".cut.jsonl.*.part")
    with part.open("a") as file:  # a line that a crash cut off
        file.write('{"problems": 24, "cou')
    counts = draw_traces(config(), tmp_path / "cut.jsonl", prompts=32)
    assert len(calls) == 5 and counts["drawn"] == 128
    assert (tmp_path / "cut.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("a.txt", "chain", "--out: expected a name that ends with one of .jsonl, .jsonl.gz, .parquet, got 'a.txt'"),
        ("there.jsonl", "chain", "there.jsonl already exists; give another name, or delete it"),
        ("a.jsonl", "reasoning_gym", "--by reference: the task reasoning_gym has no worked solutions"),
    ],
)
def test_what_cannot_be_written_is_refused(config, tmp_path, name, task, message):
    (tmp_path / "there.jsonl").touch()
    more = ["task={name: reasoning_gym, dataset: chain_sum, sizes: {train: 4, validation: 2, test: 2}}"]
    more += ["policy.model=nowhere"]
    own = ["name=x", "algorithm=grpo", "rewards.correctness.weight=1"]
    chosen = config() if task == "chain" else configuration.load(None, [*own, *more])
    with pytest.raises(UserError) as error:
        draw_traces(chosen, tmp_path / name, by="reference")
    assert message in str(error.value)


def test_an_empty_split_is_refused(config, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"question": "1+1?", "gold": "2"}\n')
    own = ["task={name: dataset, data: a.jsonl, validation: 0, test: 0}", "policy.model=nowhere"]
    chosen = configuration.load(None, ["name=x", "algorithm=grpo", "rewards.correctness.weight=1", *own])
    with pytest.raises(UserError, match="--split: the validation split of the task has no rows"):
        draw_traces(chosen, tmp_path / "b.jsonl", split="validation")


def test_a_draw_of_another_number_of_problems_does_not_go_on_from_a_stopped_one(config, tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "CHUNK", 4)
    real, calls = traces.judge, []

    def killed(*given):
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return real(*given)

    monkeypatch.setattr(traces, "judge", killed)
    with pytest.raises(Killed):
        draw_traces(config(), tmp_path / "a.jsonl", by="reference", prompts=8)
    counts = draw_traces(config(), tmp_path / "a.jsonl", by="reference", prompts=2)
    assert counts["drawn"] == len(lines(tmp_path / "a.jsonl")) == 2


def test_a_reward_that_asks_the_policy_is_refused_where_no_policy_draws(config, tmp_path):
    chosen = config("rewards.self_feedback={weight: 1, model: policy}")
    with pytest.raises(UserError, match="self_feedback: model: there is no policy here"):
        draw_traces(chosen, tmp_path / "a.jsonl", by="reference")
