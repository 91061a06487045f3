"""Faults of what a run depends on: trackers, other processes, the clock, folders, endpoints, workers of verifiers."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from fault_kinds import Place, fill, small_disk
from fault_runs import Broke, Process, checkpoints, run, same, train
from harness import CONFIGS, ROOT

from rl.storage.run_folder import read_jsonl
from tests import judge_server
from tests.rl.killed_command import at_call
from verifiers.runtime.pool import Call, Pool

SOON = 120.0
"""Longest time in seconds after which a run of two processes has to end once one of them is gone."""
ONLINE = {"WANDB_MODE": "online", "WANDB_API_KEY": "0" * 40, "WANDB_SILENT": "true"}
MISBEHAVING = "tests.verifiers.pool_calls"


def tracker(place: Place, address: Callable[[], str]) -> str:
    """Train with a W&B that cannot be reached."""
    environment = {**ONLINE, "WANDB_BASE_URL": address()}
    done = run(place.folder, train("grpo", logging__wandb="online"), says="W&B did not start", environment=environment)
    if not list((place.folder / "runs" / "grpo" / "wandb").glob("offline-run-*")):
        raise Broke("W&B's records were not kept")
    same(place.folder / "runs" / "grpo", place.whole("grpo"))
    return f"exit 0, {next(line for line in done.out.splitlines() if 'W&B did not' in line)[9:70]!r} …; same end"


def refused() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def silent() -> str:
    """An address that accepts connections and never answers."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    _OPEN.append(listening)
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def slow() -> str:
    """An address that answers a byte at a time, without an end."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Dribbles)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class _Dribbles(socketserver.StreamRequestHandler):
    """Answers every request alike, whatever it is."""

    def handle(self) -> None:
        with suppress(OSError):  # the client has gone
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                self.wfile.write(b" ")
                time.sleep(0.01)


_OPEN: list[socket.socket] = []


def tracker_without_room(place: Place) -> str:
    """Train with W&B's own folder on a full disk."""
    small_disk(place.folder / "runs" / "grpo" / "wandb", "64k")
    fill(place.folder / "runs" / "grpo" / "wandb")
    done = run(place.folder, train("grpo", logging__wandb="offline"))
    same(place.folder / "runs" / "grpo", place.whole("grpo"))
    warned = [line for line in done.out.splitlines() if "W&B" in line or "Wandb" in line]
    return f"exit 0, {warned[0][9:80]!r} …; same end" if warned else "exit 0, W&B's own messages alone; same end"


def launched(place: Place) -> subprocess.Popen[bytes]:
    """A run of two processes under accelerate, with its output in the file `log`."""
    program = str(Path(sys.executable).with_name("accelerate"))
    own = [
        "launch",
        "--config_file",
        CONFIGS / "accelerate" / "cpu_2.yaml",
        "--main_process_port",
        "0",
        "-m",
        "rl.train",
    ]
    given = train("grpo", trainer__max_steps=40, trainer__per_device_train_batch_size=8)[1:]
    with (place.folder / "log").open("ab") as log:
        return subprocess.Popen(
            [program, *map(str, own), *map(str, given)],
            cwd=place.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )


def two_processes(place: Place, how: str) -> str:
    """End one of two processes, or their launcher in order; and start both again."""
    folder = place.folder / "runs" / "grpo"
    started = launched(place)
    until = time.monotonic() + 240
    while not checkpoints(folder):
        if started.poll() is not None or time.monotonic() > until:
            raise Broke(f"did not come to a checkpoint: {(place.folder / 'log').read_text()[-300:]}")
        time.sleep(0.2)
    at, begun = checkpoints(folder)[-1], time.monotonic()
    if how == "one dies":
        children = psutil.Process(started.pid).children(recursive=True)
        rank = next(child for child in children if _environment(child).get("RANK") == "1")
        rank.kill()
    else:
        started.send_signal(signal.SIGTERM)
    code = started.wait(SOON)
    took = time.monotonic() - begun
    if not code:
        raise Broke("ended with 0")
    kept = checkpoints(folder)[-1]
    again = launched(place)
    if again.wait(300):
        raise Broke(f"did not resume: {(place.folder / 'log').read_text()[-300:]}")
    steps = [row["step"] for row in read_jsonl(folder / "metrics.jsonl") if "reward" in row]
    if steps != list(range(1, 41)):
        raise Broke(f"steps are missing or double: {steps}")
    return f"after {at} both ended within {took:.0f} s, exit {code}; resumed from {kept}, every step there once"


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def clock_set_back(place: Place) -> str:
    """Set the clock that Python sees back by a day in the middle of a run."""

    def set_back() -> None:
        real, boot = time.time, psutil.boot_time
        time.time = lambda: real() - 86400
        psutil.boot_time = psutil._pslinux.boot_time = lambda: boot() - 86400

    run(place.folder, train("grpo"), prepare=lambda: at_call("transformers:Trainer.training_step", 3, set_back))
    same(place.folder / "runs" / "grpo", place.whole("grpo"))
    rows = read_jsonl(place.folder / "runs" / "grpo" / "metrics.jsonl")
    if negative := {name for row in rows for name, value in row.items() if "time" in name and (value or 0) < 0}:
        raise Broke(f"negative times: {', '.join(sorted(negative))}")
    return "no time in the metrics is negative, the lock was released; same end"


def two_runs(place: Place) -> str:
    """Start a second run in the folder of one that is going."""
    first = Process(place.folder, train("grpo"))
    first.reaches(lambda: bool(read_jsonl(place.folder / "runs" / "grpo" / "metrics.jsonl")))
    said = run(place.folder, train("grpo"), code=2, says="another run is in progress").line
    if (ended := first.end()).code:
        raise Broke(f"the first run ended with {ended.code}")
    same(place.folder / "runs" / "grpo", place.whole("grpo"))
    return f"the second: exit 2, {said.partition(': ')[2][:70]!r} …; the first: same end"


def no_folder(place: Place) -> str:
    """Train into a folder that cannot be made, with a policy that would have to be warmed up first."""
    cache = place.folder / "cache"
    given = train("grpo", logging__folder="/proc/nowhere")
    said = run(place.folder, given, code=2, says="cannot write", environment={"WHETSTONE_CACHE": str(cache)}).line
    if cache.exists() and any(cache.rglob("*.safetensors")):
        raise Broke("the policy was warmed up first")
    return f"exit 2 before the warm start, {said[:80]!r} …"


def endpoint(place: Place, answer: Any, says: str, timeout: float) -> str:
    """Train with a judge whose endpoint misbehaves from the third batch on.

    The judge waits the given seconds for a reply, and four times as long for a batch.
    """
    given = train("grpo", rewards__judge__model="m", rewards__judge__weight=0.1)
    options = {"rubric": "Is it brief?", "timeout": timeout, "batch_timeout": 4 * timeout, "tries": 1, "concurrency": 8}

    def served(answers: Sequence[Any]) -> list[str]:
        server = judge_server.Server()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.answer = lambda request: answers[0] if len(server.requests) < 20 else answers[-1]
        os.environ["JUDGE_KEY"] = "none"
        more = {**options, "base_url": server.base_url, "key": "JUDGE_KEY"}
        return [f"rewards.judge.options.{name}={value}" for name, value in more.items()]

    good = judge_server.reply('{"score": 1}')
    environment = {"WHETSTONE_CACHE": str(place.scratch / "cache")}
    begun = time.monotonic()
    said = run(place.folder, given, code=1, says=says, prepare=lambda: served([good, answer]), environment=environment)
    took = time.monotonic() - begun
    if "reward 'judge'" not in said.line:
        raise Broke(f"does not name the reward: {said.line}")
    return f"exit 1 after {took:.0f} s, {says!r}"


def workers(calls: Sequence[tuple[str, Any]], expected: Sequence[str | None], **limits: Any) -> str:
    """Give a pool of workers calls of which some misbehave; a reason is expected of those, None of the others."""
    with Pool(MISBEHAVING, workers=2, **limits) as pool:
        verdicts = pool.run([Call(MISBEHAVING, name, arguments) for name, arguments in calls], deadline=2.0)
    for verdict, reason in zip(verdicts, expected, strict=True):
        if (verdict.status == "judged") != (reason is None) or (reason or "") not in verdict.reason:
            raise Broke(f"{verdict.status}: {verdict.reason}")
    failed = [verdict.reason for verdict in verdicts if verdict.status == "failed"]
    judged = len(verdicts) - len(failed)
    return f"failed: {failed[0]!r}; the {judged} others judged" if failed else f"all {judged} judged"
