"""The records of a run."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from rl.config import load
from rl.context import RunContext
from rl.runs.run import Run
from rl.storage.run_folder import RunFolder
from tests.rl.runs.test_plan import QUICKSTART


class Recorded(Run):
    """A run of four steps of which only the records exist."""

    last_step = 4

    def train(self):
        raise NotImplementedError

    def generating(self):
        raise NotImplementedError

    def trained_tokens(self):
        return 1000.0


@pytest.fixture
def recorded(tmp_path, task, small):
    state = SimpleNamespace(num_processes=1)
    parts = {"config": load(QUICKSTART, small), "task": task, "policy": None, "mix": None}
    return Recorded(RunContext(**parts, folder=RunFolder(tmp_path), state=state, console=Console(quiet=True)))


def evaluation(split, step, greedy):
    figures = {"greedy": {"value": greedy}, "n": 16, "k": 2}
    return {"step": step, "seconds": 1.0, "tokens": 10, "split": split, **figures, "examples": []}


def test_before_is_the_test_evaluation_at_step_0_and_after_the_one_at_the_last_step(recorded):
    # a run that was extended has measured the test split in between; validation is another split
    for row in [("test", 0, 0.1), ("validation", 2, 0.2), ("test", 2, 0.3), ("test", 4, 0.4), ("validation", 4, 0.5)]:
        recorded.folder.append(recorded.folder.evaluations, evaluation(*row))
    summary = recorded.summarise(2.0)
    assert summary["before"] == {"split": "test", "greedy": {"value": 0.1}, "n": 16, "k": 2}
    assert summary["after"] == {"split": "test", "greedy": {"value": 0.4}, "n": 16, "k": 2}
    assert summary["tokens_sampled"] == 1000 and summary["tokens_generated"] == 1000 + 5 * 10


def test_of_two_evaluations_at_one_step_the_later_counts(recorded):
    for row in [("test", 0, 0.1), ("test", 4, 0.4), ("test", 4, 0.6)]:
        recorded.folder.append(recorded.folder.evaluations, evaluation(*row))
    assert recorded.summarise(2.0)["after"]["greedy"] == {"value": 0.6}


CUT_OFF = {"completions/clipped_ratio": 0.5, "completions/mean_length": 8.0}


def test_what_a_diagnostic_finds_is_warned_of_once_and_stands_in_the_summary(recorded, monkeypatch):
    warned = []
    monkeypatch.setattr(RunContext, "warn", lambda _, what: warned.append(what))
    for row in [("test", 0, 0.1), ("test", 4, 0.4)]:
        recorded.folder.append(recorded.folder.evaluations, evaluation(*row))
    for step in range(1, 5):
        recorded.log(step, CUT_OFF)
    assert len(warned) == 1 and warned[0].startswith("step 3: 50% of the completions reach sampling.max_tokens")
    (finding,) = recorded.summarise(2.0)["warnings"]
    assert (finding["name"], finding["step"], finding["evidence"]) == ("truncation", 3, {"share": 0.5})


def test_a_resumed_run_knows_what_was_said_and_does_not_say_it_again(recorded, monkeypatch):
    warned = []
    monkeypatch.setattr(RunContext, "warn", lambda _, what: warned.append(what))
    recorded.state.is_main_process = True
    for step in range(1, 4):
        recorded.folder.append(recorded.folder.metrics, {"step": step, **CUT_OFF})
    recorded.look_back()
    recorded.log(4, CUT_OFF)
    assert not warned and [finding.step for finding in recorded.watch.findings] == [3]
