"""Figures of an online run that are made from its records."""

from types import SimpleNamespace

from rl.config import load
from rl.runs.online import OnlineRun
from rl.storage.run_folder import RunFolder
from tests.rl.runs.test_plan import QUICKSTART


def test_the_tokens_sampled_are_also_those_of_groups_that_dynamic_sampling_replaced(tmp_path, small):
    run = SimpleNamespace(config=load(QUICKSTART, small), folder=RunFolder(tmp_path), last_step=4)
    assert OnlineRun.trained_tokens(run) == 0
    lengths = [{"step": step, "completions/mean_length": 9.0 + step % 2 * 2} for step in range(1, 5)]
    for row in lengths:
        run.folder.append(run.folder.metrics, row)
    assert OnlineRun.trained_tokens(run) == 4 * 16 * 10  # four draws of 16 completions
    for drawn in (16, 32):
        run.folder.append(run.folder.metrics, {"step": 4, "dynamic_sampling/completions": drawn})
    assert OnlineRun.trained_tokens(run) == 4 * 24 * 10
