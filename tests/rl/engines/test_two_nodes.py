"""Two nodes: network namespaces with a cable between them, each with its own launcher and one process."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from rl.storage.run_folder import RunFolder, read_jsonl
from tests.rl.conftest import SMALL_ONLINE
from tests.rl.engines.launched import FILES, QUIET, ROOT, overrides

ADDRESSES = ["10.77.0.1", "10.77.0.2"]
LONGEST = 120
"""Seconds after which a node must have ended once the other one is gone."""
pytestmark = pytest.mark.engines


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def nodes():
    """The names of two namespaces that reach each other and nothing else."""
    names = [f"node{place}_{uuid.uuid4().hex[:6]}" for place in (0, 1)]
    cable = [f"w{name[-6:]}" for name in names]
    try:
        for name in names:
            ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here: {getattr(error, 'stderr', error)}")
    try:
        ip("link", "add", cable[0], "netns", names[0], "type", "veth", "peer", "name", cable[1], "netns", names[1])
        for name, end, address in zip(names, cable, ADDRESSES, strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            for device in ("lo", end):
                ip("-n", name, "link", "set", device, "up")
        yield list(zip(names, cable, strict=True))
    finally:
        for name in names:
            kill(name)
            ip("netns", "delete", name)


def kill(name):
    """End every process of a node at once, as when it loses power."""
    for process in ip("netns", "pids", name).split():
        os.kill(int(process), signal.SIGKILL)


def started(nodes, tmp_path, **settings):
    """The run's two processes, one on each node, as several_nodes.yaml says to start them."""
    given = overrides(tmp_path, **{**SMALL_ONLINE, "trainer.per_device_train_batch_size": 8, **settings})
    running = []
    for rank, (name, end) in enumerate(nodes):
        launch = ["-m", "accelerate.commands.launch", "--config_file", FILES / "several_nodes.yaml"]
        here = ["--machine_rank", rank, "--main_process_ip", ADDRESSES[0], "--num_processes", 2]
        command = [sys.executable, *launch, *here, "--mixed_precision", "no", "-m", "rl.train"]
        with (tmp_path / f"{rank}.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", name, *map(str, command), ROOT / "configs" / "grpo.yaml", *given],
                    cwd=ROOT,
                    env={**os.environ, **QUIET, "GLOO_SOCKET_IFNAME": end},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    return running


def test_two_nodes_train_one_policy(nodes, tmp_path):
    running = started(nodes, tmp_path)
    assert [one.wait() for one in running] == [0, 0], (tmp_path / "0.log").read_text()[-3000:]
    summary = json.loads(RunFolder(tmp_path / "grpo").summary.read_text())
    assert summary["processes"] == 2 and summary["steps"] == SMALL_ONLINE["trainer.max_steps"]


@pytest.mark.parametrize("first", [0, 1], ids=["main node", "other node"])
def test_a_node_that_dies_ends_the_other(first, nodes, tmp_path):
    running = started(nodes, tmp_path, **{"trainer.max_steps": 100_000, "evaluation.every": 0})
    metrics = RunFolder(tmp_path / "grpo").metrics
    while not any("loss" in row for row in read_jsonl(metrics)):
        assert all(one.poll() is None for one in running), (tmp_path / "0.log").read_text()[-3000:]
        time.sleep(0.5)
    kill(nodes[first][0])
    assert running[1 - first].wait(timeout=LONGEST) != 0
    assert "Error" in (tmp_path / f"{1 - first}.log").read_text()
