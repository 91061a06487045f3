"""The page on Slurm and Ray: its script starts the right launcher on each node, and both really train."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.launch import launch_command_parser

from rl.storage.run_folder import RunFolder
from tests.rl.conftest import SMALL_ONLINE
from tests.rl.engines.launched import QUIET, ROOT, overrides

PAGE = (ROOT / "docs" / "guides" / "schedulers.md").read_text(encoding="utf-8")
SLURM = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "4"}
SRUN = 'for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@" & done; wait -n || exit 1; wait -n'


def block(title):
    return re.search(rf"^```\w+ title=\"{re.escape(title)}\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]


def scripts(folder, **texts):
    """A folder of programs, each by its name and its text in bash."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (folder / name).chmod(stat.S_IRWXU)
    return f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"


def submitted(script, path, **environment):
    variables = {**os.environ, **SLURM, **environment, "PATH": path}
    return subprocess.run(["bash", "-c", script], cwd=ROOT, env=variables, capture_output=True, text=True)


def test_the_script_starts_the_launcher_of_each_node(tmp_path):
    path = scripts(
        tmp_path / "bin",
        scontrol="printf 'n1\\nn2\\n'",
        srun=SRUN,
        accelerate=f'shift; printf "%s\\n" "$@" > {tmp_path}/$SLURM_NODEID',
    )
    done = submitted(block("several_nodes.sbatch"), path)
    assert done.returncode == 0, done.stderr
    for node in (0, 1):
        given = launch_command_parser().parse_args((tmp_path / str(node)).read_text().splitlines())
        assert (given.machine_rank, given.main_process_ip, given.num_machines, given.num_processes) == (
            node,
            "n1",
            2,
            8,
        )
        assert (ROOT / given.config_file).exists() and given.module and given.training_script == "rl.train"
        assert (ROOT / given.training_script_args[0]).exists()


@pytest.mark.engines
def test_two_nodes_of_slurm_train_one_policy(tmp_path):
    # the environment of the engines has accelerate, but not its program
    accelerate = f'shift; exec {sys.executable} -m accelerate.commands.launch "$@"'
    path = scripts(tmp_path / "bin", scontrol="echo 127.0.0.1", srun=SRUN, accelerate=accelerate)
    given = overrides(tmp_path, **{**SMALL_ONLINE, "trainer.per_device_train_batch_size": 8})
    training = f"--mixed_precision no -m rl.train configs/grpo.yaml {' '.join(given)}'"
    script = re.sub(r"-m rl\.train [^']*'", training, block("several_nodes.sbatch"))
    done = submitted(script, path, **QUIET, SLURM_GPUS_ON_NODE="1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(RunFolder(tmp_path / "grpo").summary.read_text())["processes"] == 2


@pytest.mark.engines
def test_two_nodes_of_ray_train_one_policy(tmp_path):
    pytest.importorskip("ray")
    (tmp_path / "on_ray.py").write_text(block("on_ray.py"), encoding="utf-8")
    given = overrides(tmp_path, **{**SMALL_ONLINE, "trainer.per_device_train_batch_size": 8})
    command = [tmp_path / "on_ray.py", 2, 0, ROOT / "configs" / "accelerate" / "several_nodes.yaml"]
    command += [ROOT / "configs" / "grpo.yaml", *given]
    environment = {**os.environ, **QUIET, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert json.loads(RunFolder(tmp_path / "grpo").summary.read_text())["processes"] == 2
