"""The callbacks, called in the same way as by transformers' loop."""

import os
import signal
from collections import deque
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from rl.runs import callbacks
from rl.runs.callbacks import ProgressLine, Records, StopOnSignal
from rl.storage.run_folder import RunFolder, read_jsonl

LINE = {"reward": 0.5, "rewards/mine/mean": 0.5, "rewards/mine/std": 0.0, "rewards/mine/abstained": 0.0}


def stepped(folder, steps, logged, every, told, first=0):
    """A run of so many steps that logs at some of them; each step samples one completion named after it."""
    records = Records(folder, every, ["mine"], told.append)
    records.on_train_begin(None, SimpleNamespace(global_step=first), None)
    for step in range(first + 1, steps + 1):
        state = SimpleNamespace(is_world_process_zero=True, global_step=step)
        records.trainer = SimpleNamespace(
            _logs={
                "prompt": deque(["p"]),
                "completion": deque([f"c{step}"]),
                "rewards": {"mix": deque([0.5])},
                "advantages": deque([0.0]),
                "extra": {"mine": deque([0.5])},
            }
        )
        records.on_step_end(None, state, None)
        if step in logged:
            records.on_log(None, state, None, logs=LINE)


def test_completions_are_written_at_their_steps_whether_or_not_those_are_logged(tmp_path):
    folder = RunFolder(tmp_path)
    folder.completions.mkdir()
    stepped(folder, steps=10, logged=(4, 8), every=3, told=[])
    written = {int(file.stem.removeprefix("step_")): pd.read_parquet(file) for file in folder.completions.iterdir()}
    assert {step: list(table["completion"]) for step, table in written.items()} == {3: ["c3"], 6: ["c6"], 9: ["c9"]}
    assert [row["step"] for row in read_jsonl(folder.metrics)] == [4, 8]


def test_no_completions_are_written_where_none_are_wanted(tmp_path):
    stepped(RunFolder(tmp_path), steps=3, logged=(1, 2, 3), every=0, told=[])
    assert not (tmp_path / "completions").exists()


def test_an_odd_reward_is_warned_of_once_and_not_again_on_resuming(tmp_path):
    told = []
    stepped(RunFolder(tmp_path), steps=4, logged=(2, 4), every=0, told=told)
    assert len(told) == 1 and "reward 'mine' gave every completion so far the same value, 0.5" in told[0]
    stepped(RunFolder(tmp_path), steps=6, logged=(5, 6), every=0, told=told, first=4)
    assert len(told) == 1


def test_a_plain_line_says_reward_accuracy_speed_and_what_is_left(monkeypatch, capsys):
    clock, trained_for = iter([0.0, 30.0, 60.0]), iter([20.0, 50.0])  # at the start and at each line; at each line
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    right, line = [None], ProgressLine(Console(width=200), lambda: right[0], lambda: next(trained_for))

    def at(step):
        return SimpleNamespace(is_world_process_zero=True, global_step=step, max_steps=10)

    line.on_train_begin(None, at(0), None)
    line.on_log(None, at(1), None, logs={"reward": 0.5, "num_tokens": 100.0})
    right[0] = 0.25
    line.on_log(None, at(2), None, logs={"reward": 0.75, "num_tokens": 700.0})
    line.on_log(None, at(2), None, logs={"train_loss": 0.1})
    assert capsys.readouterr().out.splitlines() == [
        "step 1/10 · reward 0.500 · about 5 min left",
        "step 2/10 · reward 0.750 · right 25% · 20 tokens/s · about 4 min left",
    ]


def test_processes_stop_at_the_same_step_whichever_of_them_a_signal_reaches(monkeypatch, capsys):
    heard = [False, False]  # what the two processes have heard, this one first
    monkeypatch.setattr(callbacks, "gather_object", lambda mine: [*mine, heard[1]])
    stop = StopOnSignal(2, Console())

    def step(number):
        control = SimpleNamespace(should_save=False, should_training_stop=False)
        stop.on_step_end(None, SimpleNamespace(global_step=number, max_steps=6), control)
        return control.should_save and control.should_training_stop

    with stop:
        assert not step(2) and not stop.stopped
        heard[1] = True
        assert not step(3)  # inside a generation cycle
        assert step(4) and stop.stopped
        os.kill(os.getpid(), signal.SIGTERM)  # its own signal comes later, and is no second one
        os.kill(os.getpid(), signal.SIGHUP)  # nor does one that a machine sends stop what is being saved
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert not step(6) and stop.stopped  # nothing is left to be saved
    assert "stopping and saving" in capsys.readouterr().out


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup starts a command
    try:
        with StopOnSignal(1, Console()):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not before
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
