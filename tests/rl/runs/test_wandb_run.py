"""W&B in its offline mode: what it would send is read back from the files it writes."""

import json
import struct

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from rl.config import load
from rl.errors import UserError
from rl.runs.wandb_run import wandb_run
from rl.storage.run_folder import RunFolder
from tests.rl.runs.test_plan import QUICKSTART


def records(file):
    """The records of an offline run: a LevelDB log of protobufs, in blocks of 32 KiB, after a header of 7 bytes."""
    data, place, parts = file.read_bytes(), 7, b""
    while place < len(data):
        if (left := 2**15 - place % 2**15) < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def sent(folder):
    """(run id, config, history lines) of each time that W&B was started in a run folder."""
    found = []
    for file in sorted((folder.path / "wandb").glob("offline-run-*/run-*.wandb")):
        ids, config, history = [], {}, []
        for record in records(file):
            if record.HasField("run"):
                ids.append(record.run.run_id)
            for item in [*record.run.config.update, *record.config.update]:
                config[item.key or item.nested_key[0]] = json.loads(item.value_json)
            if record.HasField("history"):
                history.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in record.history.item})
        found.append((ids[0], config, history))
    return found


@pytest.fixture
def offline(small, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    folder = RunFolder(tmp_path / "quickstart")
    folder.path.mkdir()
    return folder, [*small, "logging.wandb=offline"]


def test_a_resumed_run_is_one_run_with_our_config(offline):
    folder, overrides = offline
    with pytest.raises(KeyboardInterrupt), wandb_run(load(QUICKSTART, overrides), folder):
        wandb.log({"train/global_step": 0, "eval/test/greedy": 0.25})
        raise KeyboardInterrupt
    assert wandb.run is None
    changed = load(QUICKSTART, [*overrides, "evaluation.n=7"])
    with wandb_run(changed, folder):
        wandb.log({"train/global_step": 1, "reward": 0.5})
    assert wandb.run is None
    (first, before, at_first), (second, after, then) = sent(folder)
    assert first == second == folder.wandb_id.read_text().strip()
    assert (before["evaluation"]["n"], after["evaluation"]["n"]) == (16, 7)
    assert after["algorithm"]["name"] == "ppo" and after["rewards"].keys() == {"correctness", "steps"}
    assert [row["eval/test/greedy"] for row in at_first if "eval/test/greedy" in row] == [0.25]
    assert [row["reward"] for row in then if "reward" in row] == [0.5]


def test_the_id_that_a_sweep_gives_goes_first(offline, monkeypatch):
    folder, overrides = offline
    monkeypatch.setenv("WANDB_RUN_ID", "from-a-sweep")
    with wandb_run(load(QUICKSTART, overrides), folder):
        pass
    ((run_id, _, _),) = sent(folder)
    assert run_id == "from-a-sweep" == folder.wandb_id.read_text().strip()


def test_a_run_that_is_there_already_is_used_and_left_open(offline):
    folder, overrides = offline
    mine = wandb.init(project="mine", dir=str(folder.path))
    with wandb_run(load(QUICKSTART, overrides), folder):
        assert wandb.run is mine
    assert wandb.run is mine and not folder.wandb_id.exists()
    wandb.finish()


def test_disabled_starts_nothing(small, tmp_path):
    with wandb_run(load(QUICKSTART, small), RunFolder(tmp_path)):
        assert wandb.run is None
    assert not list(tmp_path.iterdir())


def test_wandb_that_does_not_start_is_one_line(offline, monkeypatch):
    def refuse(**settings):
        raise wandb.errors.CommError("no network")

    folder, overrides = offline
    monkeypatch.setattr(wandb, "init", refuse)
    with (
        pytest.raises(UserError, match=r"logging\.wandb: W&B did not start \(no network\); logging\.wandb=offline"),
        wandb_run(load(QUICKSTART, overrides), folder),
    ):
        pass
