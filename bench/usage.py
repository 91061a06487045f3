"""What a draw and the optimizer steps on it take with one trainer: time, tokens, memory and utilisation.

    python bench/usage.py TRAINER CONFIG.yaml [--draws 5] [--warm-up 2] [key=value …]

Each trainer is measured in a process of its own, so that memory is its own. The row is printed as one line of JSON, the
last one. On a CPU, utilisation is the share of the time of all threads that was spent computing; on a GPU it is that
of nvidia-smi, the share of time in which a kernel ran.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from harness import Row
from trainers import Build, Drawn, configured, ours, prepared, steps_a_draw, trl_as_it_comes, trl_given_ours
from transformers import TrainerCallback

from rl import setup

TRAINERS: dict[str, tuple[Build, tuple[str, ...]]] = {
    "ours_grpo": (ours, ()),
    "ours_ppo": (ours, ("algorithm=ppo",)),
    "ours_grpo_lora": (ours, ("policy.lora.r=16",)),
    "ours_ppo_lora": (ours, ("algorithm=ppo", "algorithm.critic.lora=true", "policy.lora.r=16")),
    "trl_grpo": (trl_as_it_comes, ()),
    "trl_grpo_our_settings": (trl_given_ours, ()),
}
"""Name → what builds the trainer, and overrides of the config."""
EVERY_MS = 200
"""Milliseconds between two looks at the GPU's utilisation."""


class Draws(TrainerCallback):
    """Measures the seconds of each draw with its optimizer steps.

    Args:
        steps: optimizer steps on each draw.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.seconds: list[float] = []
        self.sampling: list[float] = []
        self.tokens: list[int] = []
        self.drawn: Drawn

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start at a step that draws."""
        if state.global_step % self.steps == 0:
            synchronise()
            self.started, self.before = time.perf_counter(), (self.drawn.seconds, self.drawn.tokens)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End at the last step on a draw."""
        if state.global_step % self.steps == 0:
            synchronise()
            self.seconds.append(time.perf_counter() - self.started)
            self.sampling.append(self.drawn.seconds - self.before[0])
            self.tokens.append(self.drawn.tokens - self.before[1])


def synchronise() -> None:
    """Wait until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Busy:
    """How busy the device is between start and end.

    Attributes:
        share: the mean utilisation, from 0 to 1; None if it is not known.
    """

    def __init__(self) -> None:
        self.share: float | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within this context, measure."""
        if torch.cuda.is_available():
            with _nvidia_smi() as lines:
                yield
                lines.seek(0)
                self.share = mean_of(lines.read())
            return
        started, worked = time.perf_counter(), time.process_time()
        yield
        taken = (time.perf_counter() - started) * torch.get_num_threads()
        self.share = (time.process_time() - worked) / taken


@contextmanager
def _nvidia_smi() -> Iterator[IO[str]]:
    """What nvidia-smi says of the GPU's utilisation, line by line; nothing where it is not installed."""
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", str(EVERY_MS)]
    with tempfile.TemporaryFile("w+") as lines:
        looking = subprocess.Popen(query, stdout=lines) if shutil.which(query[0]) else None
        try:
            yield lines
        finally:
            if looking is not None:
                looking.terminate()
                looking.wait()


def mean_of(lines: str) -> float | None:
    """The mean of nvidia-smi's lines of percents, as a share; None if it gave no number."""
    percents = [float(line) for line in lines.split() if line.replace(".", "", 1).isdigit()]
    return statistics.mean(percents) / 100 if percents else None


def peak() -> Row:
    """The largest memory of this process so far, in GiB: the GPU's, or the main memory of a CPU run."""
    if torch.cuda.is_available():
        allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        return {"peak_gib": round(allocated / 2**30, 3), "peak_reserved_gib": round(reserved / 2**30, 3)}
    status = Path("/proc/self/status")
    if status.exists():  # rusage would count the process that started this one as well
        kib = int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0])
    else:
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"peak_gib": round(kib / 2**20, 3)}


def measured(trainer: str, config: Path, draws: int, warm_up: int, overrides: Sequence[str]) -> Row:
    """The row of a trainer: medians over draws.

    Args:
        trainer: a name in `TRAINERS`.
        config: the config file.
        draws: draws that count.
        warm_up: draws before them.
        overrides: `key=value`.
    """
    build, own = TRAINERS[trainer]
    steps = steps_a_draw(configured(0, config, *own, *overrides))
    given = configured(0, config, *own, *overrides, f"trainer.max_steps={(warm_up + draws) * steps}")
    clock, busy = Draws(steps), Busy()
    with tempfile.TemporaryDirectory() as scratch:
        made = build(prepared(given, scratch), [clock])
        clock.drawn = Drawn(made)
        with busy.watched():
            made.train()
    seconds, sampling, tokens = (
        statistics.median(of[warm_up:]) for of in (clock.seconds, clock.sampling, clock.tokens)
    )
    row: Row = {
        "trainer": trainer,
        "seconds_a_draw": round(seconds, 4),
        "sampling_seconds": round(sampling, 4),
        "tokens_a_draw": tokens,
        "tokens_a_second": round(tokens / seconds, 1),
        "sampled_tokens_a_second": round(tokens / sampling, 1),
        **peak(),
        "draws": draws,
        "device": setup.device_name(),
    }
    return row if busy.share is None else row | {"utilisation": round(busy.share, 3)}


def of_process(trainer: str, config: Path, *given: Any, timeout: float | None = None) -> Row:
    """The row of a trainer, measured in a process of its own.

    Args:
        trainer: a name in `TRAINERS`.
        config: the config file.
        given: further arguments of this script.
        timeout: seconds after which the process is killed.

    Raises:
        RuntimeError: it failed; the message has the end of its output.
    """
    command = [sys.executable, __file__, trainer, str(config), *map(str, given)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"not done after {timeout:.0f} s") from None
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-1500:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure a trainer and print its row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", choices=TRAINERS)
    parser.add_argument("config", type=Path)
    parser.add_argument("--draws", type=int, default=5, help="draws that count")
    parser.add_argument("--warm-up", type=int, default=2, help="draws before them")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args()
    print(json.dumps(measured(given.trainer, given.config, given.draws, given.warm_up, given.overrides)))


if __name__ == "__main__":
    main()
