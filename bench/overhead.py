"""What looking at a run costs: the share of its step time that records, diagnostics, live line and trackers take.

    python bench/overhead.py [--configs grpo quickstart] [--model SMOLLM2] [--out FILE] [key=value …]

With `--model`, a folder, `configs/real/sums.yaml` is among the configs, with that policy. Each config is run as
`whetstone train` runs it, with everything switched on that looks: the live line of a terminal, `metrics.jsonl`, tables
of completions, the diagnostics and the proxies that they read, W&B (offline) and TensorBoard.
The methods that look are timed while the run goes on, each without the timed methods that it calls, so the shares need
no second run to compare with, and no quiet machine: time is processor time, also that of the thread that draws the
live line. Step time is that of the training loop without its evaluations and checkpoints. Waiting for the disk does not
count, nor does what W&B does in its own process.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import real_data
import tables_results
from harness import CONFIGS, Row, arguments, record
from rich.live import Live
from transformers import Trainer

from rl import setup
from rl.algorithms import online
from rl.analysis.diagnostics.watch import Watch
from rl.config import load
from rl.runs.callbacks import ProgressLine, Records
from rl.runs.proxies import Proxies
from rl.runs.run import Run
from rl.runs.trackers import Trackers
from rl.storage import completions
from rl.training import train

LOOKS: dict[str, list[tuple[Any, str]]] = {
    "records": [(Records, "on_log"), (Run, "log")],
    "completions": [(Records, "on_step_end"), (completions, "write"), (online, "columns_of"), (online, "quality")],
    "diagnostics": [(Watch, "log")],
    "proxies": [(Proxies, "on_pre_optimizer_step"), (Proxies, "on_optimizer_step"), (Proxies, "_look")],
    "line": [(ProgressLine, "on_log")],
    "trackers": [(Trackers, "log"), (Trackers, "table")],
}
"""What looks at a run → its methods."""
LEFT_OUT = {"evaluations": [(Run, "measure")], "checkpoints": [(Trainer, "_save_checkpoint")]}
"""What is no part of a step."""
LOOP = "steps"
RUNS = {
    "grpo": ["trainer.max_steps=30"],
    "quickstart": ["trainer.max_steps=120"],
    "real/sums": ["trainer.max_steps=12"],
}
"""Config → what makes a run of it short enough."""
FEW = "evaluation={n: 50, k: 2, validation_n: 30}"


class Tally:
    """Seconds by part. A timed method that another one calls counts for itself alone.

    Args:
        clock: returns seconds of the calling thread.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self.seconds: Any = Counter()
        self._clock = clock
        self._open: list[str] = []
        self._since = 0.0
        self._mine = threading.get_ident()

    def time(self, owner: Any, method: str, part: str) -> None:
        """Count the time of a method or function towards a part, but not outside of the loop or in what is left out."""
        run = getattr(owner, method)

        def timed(*given: Any, **named: Any) -> Any:
            if part != LOOP and (not self._open or self._open[-1] in LEFT_OUT):
                return run(*given, **named)
            if threading.get_ident() != self._mine:
                return self._beside(part, run, *given, **named)
            self._turn(part)
            try:
                return run(*given, **named)
            finally:
                self._turn(None)

        setattr(owner, method, timed)

    def _turn(self, part: str | None) -> None:
        """Begin a part, or end the current one."""
        now = self._clock()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now
        if part is None:
            self._open.pop()
        else:
            self._open.append(part)

    def _beside(self, part: str, run: Callable[..., Any], *given: Any, **named: Any) -> Any:
        started = self._clock()
        try:
            return run(*given, **named)
        finally:
            self.seconds[part] += self._clock() - started


def shares(seconds: Counter[str]) -> Row:
    """Seconds of all steps, and the share of each part that looks, and of all of them together.

    Args:
        seconds: by part; `steps` is the loop without all others.
    """
    whole = seconds[LOOP] + sum(seconds[part] for part in LOOKS)
    row: Row = {"seconds": round(whole, 2)}
    row |= {part: round(seconds[part] / whole, 5) for part in LOOKS}
    return row | {"all": round(sum(seconds[part] for part in LOOKS) / whole, 5)}


def measured(file: str, tally: Tally, overrides: list[str]) -> Row:
    """Make the run of a config, and the row of it."""
    tally.seconds.clear()
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        given = [f"logging.folder={scratch}", "logging.wandb=offline", "logging.report_to=[tensorboard]", FEW]
        if file == "real/sums":
            real_data.write_sums(Path(scratch))
            given.append(f"task.data={scratch}/sums.jsonl")
        config = load(CONFIGS / f"{file}.yaml", [*given, *RUNS[file], *overrides])
        summary = train(config, fresh=True)
    assert summary is not None
    row = {"config": file, "device": setup.device_name(), "steps": summary["steps"]}
    return row | {"completions_every": config.logging.completions_every} | shares(tally.seconds)


def main() -> None:
    """Measure, record one row per config, and print the table."""
    parser = arguments(__doc__, overrides=True)
    parser.add_argument("--configs", nargs="+", choices=RUNS, default=["grpo", "quickstart"])
    parser.add_argument("--model", help="folder of the policy of real/sums")
    given = parser.parse_args()
    if "real/sums" in given.configs and not given.model:
        parser.error("real/sums needs --model FOLDER")
    policies = {"real/sums": [f"policy.model={given.model}"]}
    configs = dict.fromkeys([*given.configs, *(policies if given.model else [])])
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", TTY_COMPATIBLE="1")
    importlib.import_module("torch.utils.tensorboard")  # takes a second, once
    tally = Tally()
    for part, methods in {**LOOKS, **LEFT_OUT, LOOP: [(Trainer, "_inner_training_loop")]}.items():
        for owner, method in methods:
            tally.time(owner, method, part)
    tally.time(Live, "refresh", "line")
    rows = []
    for file in configs:
        rows.append(measured(file, tally, [*policies.get(file, []), *given.overrides]))
        record(given.out, rows[-1:], key=["config"])
    tables_results.overhead(rows).show()


if __name__ == "__main__":
    main()
