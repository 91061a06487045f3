"""Soak: PPO for an hour, and a million items through the pool of the verifiers, one in a hundred of them hostile.

    make soak      (python bench/soak.py [--minutes 60] [--items 1000000] [--only ppo pool] [--out FILE] [key=value …])

Memory, open files and processes are counted every few seconds, of the run with all processes that it started. They are
level if they do not grow after the warm-up: ten minutes, or a third of the time if that is less. Of memory, the median
of the last fifth of the looks may be `GROWS` (or `GROWS_GIB`) above the median of the first fifth after the warm-up; of
files and processes, the largest number in the last fifth may not be above the largest one before it.

The items of the pool are functions of `tests/verifiers/pool_calls.py`. Each verdict is compared with the one expected:
hostile items fail, whatever they do to their worker, and the others are judged.
"""

from __future__ import annotations

import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from harness import CONFIGS, QUIET, ROOT, Row, arguments, listed, record

from rl.storage.run_folder import RunFolder, read_jsonl
from verifiers.runtime.pool import Call, Pool

WARM_UP_S = 600.0
"""Longest warm-up in seconds."""
GROWS = 0.03
"""The share by which memory may grow: what an allocator keeps differs from look to look."""
GROWS_GIB = 0.02
"""GiB by which it may grow where that is more."""
BATCH = 2000
"""Items that are given to the pool at once, but at most a twentieth of all."""
DEADLINE = 0.5
"""Processor time in seconds of an item."""
HOSTILE = ("crash", "die", "hang", "hang_deaf", "hang_in_c", "fill", "break_down")
"""What one in a hundred items does, in turns."""
ARGUMENTS = {"fill": (8,), "break_down": ("broken",)}
MODULE = "tests.verifiers.pool_calls"


class Look(NamedTuple):
    """What is counted at one moment.

    Attributes:
        at: seconds since the start.
        memory: GiB of all processes; what they share is divided among them.
        files: open files of all processes.
        processes: their number.
    """

    at: float
    memory: float
    files: int
    processes: int


def look(pid: int, at: float) -> Look:
    """Count the memory, files and processes of a process and all that it started."""
    root = psutil.Process(pid)
    memory = files = processes = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            held, opened = process.memory_full_info().pss, process.num_fds()
        except psutil.Error:  # it has ended since it was listed
            continue
        memory, files, processes = memory + held, files + opened, processes + 1
    return Look(at, memory / 2**30, files, processes)


def judged(looks: Sequence[Look], seconds: float) -> Row:
    """The figures of a part, and whether they were level.

    Args:
        looks: at least five after the warm-up.
        seconds: how long the part was to take.
    """
    late = [one for one in looks if one.at >= min(WARM_UP_S, seconds / 3)]
    fifth = max(1, len(late) // 5)
    first, last, before = late[:fifth], late[-fifth:], late[:-fifth]
    memory = [statistics.median(one.memory for one in part) for part in (first, last)]
    files = [max(one.files for one in part) for part in (before, last)]
    processes = [max(one.processes for one in part) for part in (before, last)]
    level = (
        memory[1] <= memory[0] + max(GROWS * memory[0], GROWS_GIB)
        and files[1] <= files[0]
        and processes[1] <= processes[0]
    )
    row: Row = {"looks": len(looks), "peak_gib": round(max(one.memory for one in looks), 3)}
    row |= {"memory_gib": round(memory[0], 3), "memory_gib_at_end": round(memory[1], 3)}
    row |= {"files": files[0], "files_at_end": files[1], "processes": processes[0], "processes_at_end": processes[1]}
    return row | {"level": level}


def ppo(minutes: float, overrides: Sequence[str]) -> Row:
    """Train with PPO for some minutes, then end it with SIGTERM.

    Args:
        minutes: how long, from the first step.
        overrides: of `configs/ppo.yaml`.

    Raises:
        SystemExit: the run ended by itself.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given = [*QUIET, f"logging.folder={scratch}", "trainer.max_steps=100000000", "evaluation.n=100", *overrides]
        command = [sys.executable, "-m", "whetstone_rl", "train", CONFIGS / "ppo.yaml", *given]
        folder, log = RunFolder(Path(scratch) / "ppo"), Path(scratch) / "log"
        with log.open("w") as out:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            run = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out, env=environment)
        try:
            while not steps(folder):
                _goes_on(run, log)
                time.sleep(1)
            looks = list(_looks(run.pid, 60 * minutes, lambda: _goes_on(run, log)))
            run.send_signal(signal.SIGTERM)
            code = run.wait(300)
        finally:
            run.kill()
        checkpoints = sorted(one.name for one in folder.checkpoints.iterdir())
        row: Row = {"part": "ppo", "minutes": minutes, "steps": steps(folder)}
        return row | judged(looks, 60 * minutes) | {"exit": code, "checkpoints": len(checkpoints)}


def steps(folder: RunFolder) -> int:
    """The last step that a run has logged; 0 before the first."""
    return max((row.get("step", 0) for row in read_jsonl(folder.metrics) if "loss" in row), default=0)


def _goes_on(run: subprocess.Popen[bytes], log: Path) -> None:
    if run.poll() is not None:
        sys.exit(f"the run ended with {run.returncode}:\n{log.read_text()[-2000:]}")


def _looks(pid: int, seconds: float, between: Callable[[], object]) -> Iterator[Look]:
    """A look every few seconds, 500 in all at most."""
    started, pause = time.monotonic(), max(1.0, seconds / 500)
    while (at := time.monotonic() - started) < seconds:
        yield look(pid, at)
        between()
        time.sleep(pause)


def pool(items: int) -> Row:
    """Give items to a pool of verifiers, one in a hundred of them hostile, and compare each verdict with its own.

    Args:
        items: their number.
    """
    hostile, looks, wrong = itertools.cycle(HOSTILE), list[Look](), Counter[str]()
    started, most, batch = time.monotonic(), 0.0, max(1, min(BATCH, items // 20))
    with Pool(MODULE, workers=2, memory=2.0) as workers:
        for first in range(0, items, batch):
            names = [next(hostile) if place % 100 == 50 else "say" for place in range(first, min(first + batch, items))]
            calls = [Call(MODULE, name, ARGUMENTS.get(name, (str(first + place),) if name == "say" else ()))
                     for place, name in enumerate(names)]  # fmt: skip
            begun = time.monotonic()
            verdicts = workers.run(calls, DEADLINE)
            most = max(most, time.monotonic() - begun)
            for place, (name, verdict) in enumerate(zip(names, verdicts, strict=True)):
                expected = ("judged", str(first + place)) if name == "say" else ("failed", None)
                if (verdict.status, verdict.extracted) != expected:
                    wrong[f"{name}: {verdict.status}, {verdict.reason}"] += 1
            looks.append(look(os.getpid(), time.monotonic() - started))
    seconds = time.monotonic() - started
    for kind, count in wrong.items():
        print(f"{count} times {kind}")
    row: Row = {"part": "pool", "items": items, "hostile": (items + 49) // 100, "unexpected": wrong.total()}
    row |= {"minutes": round(seconds / 60, 1), "items_a_second": round(items / seconds)}
    return row | judged(looks, seconds) | {"longest_batch_s": round(most, 1)}


def main() -> None:
    """Run the parts, record each at once, and print the figures; the exit code is 1 if something was not level."""
    parser = arguments(__doc__, overrides=True)
    parser.add_argument("--minutes", type=float, default=60.0, help="of PPO")
    parser.add_argument("--items", type=int, default=1_000_000, help="through the pool")
    parser.add_argument("--only", nargs="+", choices=("ppo", "pool"), default=("ppo", "pool"))
    given = parser.parse_args()
    parts = {"ppo": lambda: ppo(given.minutes, given.overrides), "pool": lambda: pool(given.items)}
    rows = []
    for name in given.only:
        rows.append(parts[name]())
        record(given.out, rows[-1:], key=["part"])
    listed(rows, "part").show()
    sys.exit(not all(row["level"] and not row.get("unexpected") for row in rows))


if __name__ == "__main__":
    main()
