"""One run in a run folder at a time."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from rl.errors import UserError
from rl.storage.lock import Owner, acquire, release

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, pathlib
from rl.storage.lock import acquire
acquire(pathlib.Path(sys.argv[1]))
print(1, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "run" / "lock.json"


@pytest.fixture
def other(file):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1\n"
        yield process
        process.kill()


def test_a_lock_of_a_living_process_is_refused_with_its_owner_and_folder(file, other):
    with pytest.raises(UserError) as caught:
        acquire(file)
    owner = Owner(**json.loads(file.read_text()))
    assert owner.pid == other.pid
    assert str(caught.value).startswith(
        f"{file.parent}: another run is in progress in this folder, process {other.pid} on {owner.host}"
    )


def test_a_lock_whose_process_was_killed_is_taken_over(file, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    gone = acquire(file)
    assert gone is not None and gone.pid == other.pid
    assert Owner(**json.loads(file.read_text())).pid == os.getpid()


def test_a_lock_of_a_killed_process_that_nobody_waited_for_is_taken_over(file, other):
    """A launcher may leave it a zombie."""
    other.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert acquire(file).pid == other.pid


def test_a_later_process_with_the_owners_id_does_not_hold_the_lock(file):
    file.parent.mkdir()
    before = replace(Owner.this_process(), started=1.0)
    file.write_text(json.dumps(asdict(before)))
    assert acquire(file) == before


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere a process's start does not follow the clock")
@pytest.mark.parametrize("by", [-86400.0, 3.0])
def test_a_clock_that_is_set_does_not_end_a_living_owner(file, other, monkeypatch, by):
    """psutil counts from the boot of the machine, whose time of day the kernel works out from the clock."""
    boot = psutil.boot_time() + by
    for module in (psutil, psutil._pslinux):
        monkeypatch.setattr(module, "boot_time", lambda: boot)
    with pytest.raises(UserError, match=f"process {other.pid} on"):
        acquire(file)


def test_a_lock_from_before_the_machine_was_started_again_is_taken_over(file):
    file.parent.mkdir()
    before = replace(Owner.this_process(), boot="an earlier one")
    file.write_text(json.dumps(asdict(before)))
    assert acquire(file) == before


def test_a_lock_of_another_host_is_never_taken_over(file):
    file.parent.mkdir()
    file.write_text(json.dumps({"host": "elsewhere", "boot": "", "pid": 2**22 + 1, "started": 1.0}))
    with pytest.raises(UserError, match=f"on elsewhere; if it is gone, delete {file}"):
        acquire(file)


@pytest.mark.parametrize("text", ["", '{"host": "he'])
def test_a_lock_that_a_crash_cut_short_is_free(file, text):
    file.parent.mkdir()
    file.write_text(text)
    assert acquire(file) is None


def test_a_released_lock_is_gone_and_an_empty_folder_with_it(file):
    assert acquire(file) is None
    release(file)
    assert not file.parent.exists()
    acquire(file)
    (file.parent / "config.yaml").touch()
    release(file)
    assert [path.name for path in file.parent.iterdir()] == ["config.yaml"]


def test_a_lock_of_another_process_is_not_released(file, other):
    release(file)
    assert json.loads(file.read_text())["pid"] == other.pid


def _try(file, start, results):
    start.wait()
    try:
        acquire(file)
        results.put(True)
    except UserError:
        results.put(False)
    start.wait()  # alive until all have tried


def test_of_many_processes_that_take_over_at_once_one_has_the_lock(file, other):
    other.kill()
    other.wait()
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Barrier(5), spawn.Queue()
    processes = [spawn.Process(target=_try, args=(file, start, results)) for _ in range(5)]
    for process in processes:
        process.start()
    assert sum(results.get(timeout=60) for _ in processes) == 1
    for process in processes:
        process.join()
