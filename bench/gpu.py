"""What a GPU does with Whetstone, in one command of less than 20 minutes: speed, memory, a learning curve, the tests.

    make bench-gpu     (python bench/gpu.py [--model FOLDER] [--task FILE] [--parts steps curve tests] [--minutes 18])

- `steps`: GRPO and PPO, plain TRL as it comes and plain TRL with our settings, each in a process of its own: seconds a
  draw with its update, tokens a second, peak memory, utilisation (`bench/usage.py`, `bench/gpu.yaml`). TRL has no PPO
  with a critic, so PPO stands beside its GRPO.
- `curve`: a training with evaluations: with `--model` and `--task` GRPO on that task (`configs/gsm8k_smollm2.yaml`),
  otherwise PPO on the embedded `chain`.
- `tests`: the tests of what trains and samples; only if it is named.

MODEL is the folder of a causal language model such as SmolLM2-135M-Instruct, FILE has a `question` and an `answer` on
each line, such as GSM8K's. Without them a model with random weights and SmolLM2's architecture and made-up problems
take their place, which no network is needed for. `key=value` overrides `bench/gpu.yaml`, such as
`sampling.max_tokens=512`.

Every row is recorded at once, and a part that fails or runs out of time does not keep the others from running. The exit
code is then 1. `--tiny` runs everything at its smallest, on any machine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import made
import tables_results
import torch
import usage
from harness import CONFIGS, QUIET, ROOT, Row, arguments, record

from rl.storage.run_folder import read_jsonl

CONFIG = ROOT / "bench" / "gpu.yaml"
PARTS = ("steps", "curve", "tests")
CURVE = ("greedy", "mean_at_k", "chain")
TESTED = ("tests/rl/algorithms", "tests/rl/sampling", "tests/rewards/models")
TRAINERS = ("ours_grpo", "trl_grpo", "trl_grpo_our_settings", "ours_ppo", "ours_grpo_lora", "ours_ppo_lora")
TINY_STEPS = (
    "--draws", "1", "--warm-up", "1", "sampling.completions=2", "sampling.max_tokens=8", 
    "trainer.per_device_train_batch_size=4", "trainer.gradient_accumulation_steps=1",
)  # fmt: skip
TINY_CURVE = (
    "task.sizes.train=64", "task.sizes.validation=16", "task.sizes.test=16", "policy.warm_start.steps=20",
    "policy.warm_start.hidden=32", "trainer.max_steps=8", "evaluation.n=16", "evaluation.k=2", "evaluation.every=8",
    "evaluation.validation_n=16",
)  # fmt: skip
REAL_CURVE = (
    "trainer.max_steps=80", "trainer.per_device_train_batch_size=16", "sampling.max_tokens=192", "evaluation.n=200",
    "evaluation.k=4", "evaluation.every=20", "evaluation.validation_n=200", "trainer.save_steps=40",
)  # fmt: skip


class Deadline:
    """The time that is left of all.

    Args:
        minutes: from now on.
    """

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    def left(self, most: float) -> float:
        """Seconds for a part: those that are left, and `most` at most.

        Raises:
            RuntimeError: none are left.
        """
        seconds = min(most, self.end - time.monotonic())
        if seconds <= 0:
            raise RuntimeError("no time was left for it")
        return seconds


def until(command: Sequence[str], seconds: float, **environment: str) -> tuple[int, str]:
    """Run a command, and ask it to stop when its time is over: a training then saves what it has.

    Args:
        command: program and arguments.
        seconds: its time.
        environment: additional environment variables.

    Returns:
        Its exit code, and the end of its output.
    """
    variables = {**os.environ, "WANDB_MODE": "disabled", "PYTHONPATH": str(ROOT), **environment}
    with tempfile.TemporaryFile("w+") as output:
        running = subprocess.Popen(command, env=variables, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        for end, most in ((signal.SIGTERM, seconds), (signal.SIGKILL, 60.0), (None, None)):
            try:
                running.wait(most)
                break
            except subprocess.TimeoutExpired:
                assert end is not None
                running.send_signal(end)
        output.seek(0)
        return running.returncode, output.read()[-2000:]


def curve(config: str, overrides: Sequence[str], seconds: float) -> Row:
    """The evaluations of a training, as far as it came.

    Args:
        config: a name in `configs/`.
        overrides: `key=value`.
        seconds: after which it is stopped.

    Raises:
        RuntimeError: it left no evaluation.
    """
    with tempfile.TemporaryDirectory() as scratch:
        own = [*QUIET, f"logging.folder={scratch}", "name=curve", *overrides]
        command = [sys.executable, "-m", "whetstone_rl", "train", str(CONFIGS / f"{config}.yaml"), *own]
        started = time.monotonic()
        code, said = until(command, seconds)
        taken = time.monotonic() - started
        evaluations = Path(scratch) / "curve" / "evaluations.jsonl"
        rows = read_jsonl(evaluations) if evaluations.exists() else []
    rows = [row for row in rows if row["split"] == "validation"]
    if not rows:
        raise RuntimeError(f"the training left no evaluation (exit code {code}): {said}")
    known = [name for name in CURVE if rows[0].get(name)]
    return {
        "seconds": round(taken, 1),
        "finished": code == 0,
        "curve.step": [one["step"] for one in rows],
        **{f"curve.{name}": [round(one[name]["value"], 4) for one in rows] for name in known},
    }


def tests(folders: Sequence[str], seconds: float) -> Row:
    """What pytest says of some folders of tests on this machine.

    Raises:
        RuntimeError: some did not pass; the message is the end of its output.
    """
    code, said = until([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *folders], seconds)
    if code:
        raise RuntimeError(said)
    return {"said": said.strip().splitlines()[-1]}


def device() -> Row:
    """The machine."""
    row: Row = {"torch": torch.__version__, "processors": os.cpu_count()}
    if not torch.cuda.is_available():
        return row | {"device": "CPU"}
    found = torch.cuda.get_device_properties(0)
    return row | {"device": found.name, "gib": round(found.total_memory / 2**30, 1), "cuda": torch.version.cuda}


class Parts:
    """Measures one thing after the other.

    Args:
        out: the file for the rows; None for none.

    Attributes:
        rows: what was measured.
        failed: what was not, with the reason.
    """

    def __init__(self, out: Path | None) -> None:
        self.out = out
        self.rows: list[Row] = []
        self.failed: list[str] = []

    def add(self, part: str, name: str, measure: Callable[[], Row]) -> None:
        """Measure, and record the row at once; a failure is kept."""
        try:
            row = {"part": part, "name": name, **measure()}
        except RuntimeError as error:
            self.failed.append(f"{part} {name}: {error}")
            print(f"FAILED {self.failed[-1]}", flush=True)
            return
        self.rows.append(row)
        record(self.out, [row], key=["part", "name"])
        print(json.dumps(row), flush=True)


def main() -> None:
    """Measure the parts, record their rows, and print the table."""
    parser = arguments(__doc__, overrides=True)
    parser.add_argument("--model", type=Path, help="folder of a causal language model")
    parser.add_argument("--task", type=Path, help="JSON lines with question and answer")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["steps", "curve"])
    parser.add_argument("--trainers", nargs="+", choices=usage.TRAINERS, default=TRAINERS)
    parser.add_argument("--minutes", type=float, default=18, help="for everything")
    parser.add_argument("--tiny", action="store_true", help="everything at its smallest, to try the script")
    given = parser.parse_args()
    deadline, parts = Deadline(given.minutes), Parts(given.out)
    real = given.model is not None and given.task is not None
    parts.add("device", "", device)
    with tempfile.TemporaryDirectory() as scratch:
        model = given.model or made.policy(Path(scratch) / "model", made.TINY if given.tiny else made.SMOLLM2)
        task = given.task or made.problems(Path(scratch) / "problems.jsonl")
        files = [f"policy.model={model}", f"task.data={task}"]
        own = [*(TINY_STEPS if given.tiny else ()), *files, *given.overrides]
        for trainer in given.trainers if "steps" in given.parts else ():
            measure = partial(usage.of_process, trainer, CONFIG, *own)
            parts.add("steps", trainer, lambda measure=measure: measure(timeout=deadline.left(180)))
        if "curve" in given.parts:
            config, own = ("gsm8k_smollm2", [*files, *REAL_CURVE]) if real else ("ppo", [])
            own = [*own, *(TINY_CURVE if given.tiny else ())]
            parts.add("curve", config, lambda: curve(config, own, deadline.left(480)))
        if "tests" in given.parts:
            parts.add("tests", " ".join(TESTED), lambda: tests(TESTED, deadline.left(600)))
    tables_results.gpu([row for row in parts.rows if row["part"] == "steps"]).show()
    if parts.failed:
        sys.exit("\n".join(["", *parts.failed]))


if __name__ == "__main__":
    main()
