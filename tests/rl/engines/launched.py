"""Launches commands on each engine, as a user does with `accelerate launch` and a file of `configs/accelerate/`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FILES = ROOT / "configs" / "accelerate"
ON_TWO = ["--num_processes", "2", "--mixed_precision", "no", "--main_process_port", "0"]
QUIET = {"OMP_NUM_THREADS": "1", "ACCELERATE_TORCH_DEVICE": "cpu", "PYTHONPATH": str(ROOT)}
ENGINES = {
    "ddp": (["--config_file", FILES / "cpu_2.yaml", "--main_process_port", "0"], [], {}),
    "fsdp2": (["--config_file", FILES / "fsdp2.yaml", *ON_TWO], ["tests.rl.engines.on_gloo"], {}),
    "zero3": (["--config_file", FILES / "zero3.yaml", *ON_TWO], [], {"DS_ACCELERATOR": "cpu"}),
}
"""Name → arguments of `accelerate launch`, modules that come before the command's own, and environment variables."""


def launch(engine, module, *arguments, status=0):
    """What a command on two processes prints; `status` is what it is expected to exit with."""
    options, before, variables = ENGINES[engine]
    command = [sys.executable, "-m", "accelerate.commands.launch", *options, "-m", *before, module, *arguments]
    return finished(command, variables, status)


def alone(module, *arguments):
    """What a command on one process prints."""
    return finished([sys.executable, "-m", module, *arguments], {}, 0)


def finished(command, variables, status):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **QUIET, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == bool(status), done.stderr[-6000:]
    return done.stdout + done.stderr


def overrides(folder, **settings):
    return [f"{key}={value}" for key, value in {**settings, "logging.folder": folder}.items()]
