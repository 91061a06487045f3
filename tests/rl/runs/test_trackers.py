"""Trackers: what each was sent is read back from the files it writes, and none of them stops a run."""

import json
import struct
import sys
import time
import types

import pytest
import wandb
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

from rl.config import load
from rl.errors import UserError
from rl.progress import Rate
from rl.runs import trackers as module
from rl.runs.trackers import Trackers, grouped, trackers
from rl.storage.run_folder import RunFolder, read_jsonl
from rl.training import train
from tests.rl.runs.test_plan import QUICKSTART


def records(file):
    """The records of an offline run: a LevelDB log of protobufs, in blocks of 32 KiB, after a header of 7 bytes."""
    data, place, parts = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if (left := 2**15 - place % 2**15) < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        if place + 7 + length > len(data):  # it is being written
            return
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def complete(file, seconds=120):
    """The records of a run that was ended; W&B's own process may still be writing them."""
    until = time.monotonic() + seconds
    while not any(record.HasField("exit") for record in records(file)):
        assert time.monotonic() < until, f"{file} was not completed"
        time.sleep(0.1)
    return list(records(file))


def sent(folder):
    """(run id, config, history lines) of each time that W&B was started in a run folder."""
    found = []
    for file in sorted((folder.path / "wandb").glob("offline-run-*/run-*.wandb")):
        config, history = {}, []
        for record in complete(file):
            for item in [*record.run.config.update, *record.config.update]:
                config[item.key or item.nested_key[0]] = json.loads(item.value_json)
            if record.HasField("history"):
                row = {}
                for item in record.history.item:
                    first, *rest = item.nested_key or [item.key]
                    value = json.loads(item.value_json)
                    row |= {first: row.get(first, {}) | {rest[0]: value}} if rest else {first: value}
                history.append(row)
        found.append((file.stem.removeprefix("run-"), config, history))
    return found


@pytest.fixture
def offline(small, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    folder = RunFolder(tmp_path / "quickstart")
    folder.path.mkdir()
    return folder, [*small, "logging.wandb=offline"]


STEPS = [
    {"start": 0, "end": 5, "status": "judged", "score": 1.0},
    {"start": 6, "end": 11, "status": "judged", "score": 0},
]
ROWS = {
    "prompt": ["1+1+3?", "1+1+3?"], "completion": ["1+1=2;2+3=6#6", "#5"], "rewards/correctness": [0.0, None],
    "rewards/steps": [0.5, None], "reward": [0.5, None], "advantage": [1.0, -1.0], "gold": ["5", "5"],
    "right": [False, True], "reason": ["not 5", ""], "finish_reason": ["stop", "length"],
    "judged_steps": [json.dumps(STEPS), "[]"],
}  # fmt: skip
COLUMNS = [
    *("prompt", "completion", "gold", "right", "reward", "advantage", "finish_reason", "reason"),
    *("rewards/correctness", "rewards/steps"),
]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("eval/test/greedy", "eval/test/greedy"),
        ("reward", "rewards/reward"),
        ("rewards/mine/mean", "rewards/mine/mean"),
        ("frac_reward_zero_std", "groups/frac_reward_zero_std"),
        ("completions/mean_length", "groups/completions/mean_length"),
        ("ppo/approx_kl", "policy/ppo/approx_kl"),
        ("entropy", "policy/entropy"),
        ("critic/value_loss", "critic/value_loss"),
        ("round", "rounds/round"),
        ("rounds/right", "rounds/right"),
        ("step_time", "time/step_time"),
    ],
)
def test_a_metric_is_in_the_group_of_its_question(name, there):
    assert grouped(name) == there


def test_a_resumed_run_is_one_run_with_our_config(offline):
    folder, overrides = offline
    with pytest.raises(KeyboardInterrupt), trackers(load(QUICKSTART, overrides), folder, print) as seen:
        seen.log(0, {"eval/test/greedy": 0.25})
        raise KeyboardInterrupt
    assert wandb.run is None
    changed = load(QUICKSTART, [*overrides, "evaluation.n=7"])
    with trackers(changed, folder, print) as seen:
        seen.log(1, {"reward": 0.5, "entropy": None})
    assert wandb.run is None
    (first, before, at_first), (second, after, then) = sent(folder)
    assert first == second == folder.wandb_id.read_text().strip()
    assert (before["evaluation"]["n"], after["evaluation"]["n"]) == (16, 7)
    assert after["algorithm"]["name"] == "ppo" and after["rewards"].keys() == {"correctness", "steps"}
    assert [(row["step"], row["eval/test/greedy"]) for row in at_first if "eval/test/greedy" in row] == [(0, 0.25)]
    assert [(row["step"], row["rewards/reward"]) for row in then if "rewards/reward" in row] == [(1, 0.5)]
    assert not any("policy/entropy" in row for row in then)


def test_the_id_that_a_sweep_gives_goes_first(offline, monkeypatch):
    folder, overrides = offline
    monkeypatch.setenv("WANDB_RUN_ID", "from-a-sweep")
    with trackers(load(QUICKSTART, overrides), folder, print) as seen:
        seen.log(1, {"reward": 0.5})  # a run that logs nothing writes nothing
    ((run_id, _, _),) = sent(folder)
    assert run_id == "from-a-sweep" == folder.wandb_id.read_text().strip()


def test_a_run_that_is_there_already_is_used_and_left_open(offline):
    folder, overrides = offline
    mine = wandb.init(project="mine", dir=str(folder.path))
    with trackers(load(QUICKSTART, overrides), folder, print):
        assert wandb.run is mine
    assert wandb.run is mine and not folder.wandb_id.exists()
    wandb.finish()


def test_disabled_starts_nothing(small, tmp_path):
    with trackers(load(QUICKSTART, small), RunFolder(tmp_path), print) as seen:
        assert wandb.run is None and not seen.trackers
    assert not list(tmp_path.iterdir())


def test_each_table_of_completions_stays_when_the_next_one_comes(offline):
    folder, overrides = offline
    with trackers(load(QUICKSTART, overrides), folder, print) as seen:
        seen.table(1, ROWS)
        seen.table(2, {**ROWS, "completion": ["1+1=2;2+3=5#5", "<b>"]})
    ((_, _, history),) = sent(folder)
    tables = [(row["step"], row["completions"]["path"]) for row in history if "completions" in row]
    assert [step for step, _ in tables] == [1, 2]
    (run,) = (folder.path / "wandb").glob("offline-run-*")
    first, second = (json.loads((run / "files" / path).read_text()) for _, path in tables)
    assert first["columns"] == COLUMNS
    assert first["data"] == [
        ["1+1+3?", "1+1=2✓;2+3=6✗#6", "5", False, 0.5, 1.0, "stop", "not 5", 0.0, 0.5],
        ["1+1+3?", "#5", "5", True, None, -1.0, "length", "", None, None],
    ]
    assert [row[1] for row in second["data"]] == ["1+1=2✓;2+3=5✗#5", "<b>"]


def test_where_wandb_cannot_be_reached_its_records_are_kept_here(offline, monkeypatch):
    folder, overrides = offline
    start, told, asked = wandb.init, [], []

    def refuse(**settings):
        if settings.get("mode") != "offline":
            asked.append(settings["settings"])
            raise wandb.errors.CommError("no network")
        return start(**settings)

    monkeypatch.setattr(wandb, "init", refuse)
    with trackers(load(QUICKSTART, [*overrides, "logging.wandb=online"]), folder, told.append) as seen:
        seen.log(3, {"reward": 0.5})
    # neither at the start nor at the end does a run wait longer for it; W&B's own default for the end is for ever
    assert [(settings.init_timeout, settings.finish_timeout) for settings in asked] == [(30, 300)]
    assert len(told) == 1 and told[0].startswith("W&B did not start (no network); its records are kept on this machine")
    ((_, _, history),) = sent(folder)
    assert [(row["step"], row["rewards/reward"]) for row in history if "rewards/reward" in row] == [(3, 0.5)]


def test_a_tracker_that_cannot_start_at_all_is_told_once_and_the_run_goes_on(offline, monkeypatch):
    folder, overrides = offline
    told = []

    def full(**settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wandb, "init", full)
    with trackers(load(QUICKSTART, overrides), folder, told.append) as seen:
        seen.log(1, {"reward": 0.5})
    assert told == ["Wandb did not start ([Errno 28] No space left on device); the run goes on without it"]


class Breaking(module.Tracker):
    name = "theirs"

    def __init__(self):
        self.calls = 0

    def log(self, step, numbers):
        self.calls += 1
        raise OSError(28, "No space left on device")

    def table(self, step, rows):
        raise AssertionError("it was dropped")

    def close(self, failed):
        raise AssertionError("it was dropped")


class Keeping(module.Tracker):
    name = "ours"

    def __init__(self):
        self.got = []

    def log(self, step, numbers):
        self.got.append((step, dict(numbers)))

    def table(self, step, rows):
        self.got.append((step, len(rows["completion"])))

    def close(self, failed):
        self.got.append(failed)


def test_a_tracker_that_breaks_is_told_once_and_the_others_go_on():
    broken, kept, told = Breaking(), Keeping(), []
    seen = Trackers([broken, kept], told.append)
    seen.log(1, {"reward": 0.5})
    seen.log(2, {"reward": 0.6})
    seen.table(2, ROWS)
    seen.close()
    assert broken.calls == 1 and len(told) == 1
    assert told[0].startswith("theirs broke ([Errno 28] No space left on device); the run goes on without it")
    assert kept.got == [(1, {"rewards/reward": 0.5}), (2, {"rewards/reward": 0.6}), (2, 2), False]


def test_tokens_a_second_are_those_between_two_lines():
    clock, kept = iter([10.0, 14.0]), Keeping()
    seen = Trackers([kept])
    seen.rate = Rate(lambda: next(clock))
    seen.log(1, {"num_tokens": 100.0})
    seen.log(2, {"num_tokens": 500.0})
    assert kept.got == [
        (1, {"time/num_tokens": 100.0}),
        (2, {"time/num_tokens": 500.0, "time/tokens_per_second": 100.0}),
    ]


def test_tensorboard_has_a_whole_run_from_the_evaluation_before_the_first_step(small):
    config = load(QUICKSTART, [*small, "logging.report_to=[tensorboard]"])
    train(config)
    folder = RunFolder(config.run_folder)
    events = EventAccumulator(str(folder.path / "tensorboard")).Reload()
    recorded = {(row["step"], name): value for row in read_jsonl(folder.metrics) for name, value in row.items()}
    for metric in ("eval/validation/greedy", "reward", "entropy", "critic/value_loss"):
        drawn = {event.step: event.value for event in events.Scalars(grouped(metric))}
        assert drawn == pytest.approx({step: v for (step, name), v in recorded.items() if name == metric})
    assert 0 in {event.step for event in events.Scalars("eval/validation/greedy")}
    texts = {
        event.step: event.tensor_proto.string_val[0].decode() for event in events.Tensors("completions/text_summary")
    }
    assert texts.keys() == {1, 2, 3, 4} and "=" in texts[1] and "finish_reason stop" in texts[1]
    assert all(line.startswith("    ") for line in texts[1].splitlines() if line and line != "---")


def test_trackio_is_given_the_same(small, tmp_path, monkeypatch):
    calls = []
    fake = types.ModuleType("trackio")
    fake.init = lambda **given: calls.append(("init", given["project"], given["name"], given["config"]["seed"]))
    fake.log = lambda values, step: calls.append((step, values))
    fake.finish = lambda: calls.append("finish")
    fake.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "trackio", fake)
    with trackers(load(QUICKSTART, [*small, "logging.report_to=[trackio]"]), RunFolder(tmp_path), print) as seen:
        seen.log(4, {"reward": 0.5})
    assert calls == [("init", "whetstone", "quickstart", 0), (4, {"rewards/reward": 0.5}), "finish"]


def test_a_tracker_that_is_not_installed_is_one_line_before_anything_starts(small, monkeypatch):
    monkeypatch.setattr("rl.config.checks.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"logging\.report_to: tensorboard is not installed; pip install tensorboard"):
        load(QUICKSTART, [*small, "logging.report_to=[tensorboard]"])
