"""The pool within each of several training processes, which accelerate starts side by side."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os
from accelerate import PartialState
from verifiers.runtime.verifier import Verifier

state = PartialState(cpu=True)
rows = [
    {"prediction": r"\\boxed{(x+1)^2}", "gold": "x^2+2x+1"},
    {"prediction": r"\\boxed{10^{10^{10}}}", "gold": "x+1"},
    {"prediction": r"\\boxed{\\frac{2}{4}x}", "gold": r"\\frac{x}{2}"},
]
scores = [verdict.score for verdict in Verifier("math", deadline=10.0)(rows)]
print(f"process {state.process_index} of {state.num_processes}: {scores[0]} {scores[1] == 1.0} {scores[2]}", flush=True)
"""


def test_each_of_two_processes_has_a_pool_of_its_own(tmp_path):
    (tmp_path / "judge_in_processes.py").write_text(SCRIPT)
    accelerate = str(Path(sys.executable).with_name("accelerate"))
    config = Path(__file__).parents[3] / "configs" / "accelerate" / "cpu_2.yaml"
    command = [accelerate, "launch", "--config_file", str(config), "--main_process_port", "0", "judge_in_processes.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for process in (0, 1):
        assert f"process {process} of 2: 1.0 False 1.0" in done.stdout
