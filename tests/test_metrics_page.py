"""The metrics page names what runs log, all of it and nothing else."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from rl.config import load
from rl.config.teachers import Teacher
from rl.training import train
from tests.rl.conftest import SMALL, SMALL_ONLINE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
FEW = {**SMALL, "algorithm.rounds": 1, "algorithm.prompts": 16, "trainer.logging_steps": 1}
RUNS = {
    "quickstart": {**SMALL_ONLINE, "algorithm.dynamic_sampling.draws": 2, "trainer.beta": 0.01}
    | {"rewards.steps.weight": "[[0,1],[9,0]]"},
    "dpo": FEW,
    "orpo": FEW,
    "star": FEW,
    "quark": {**FEW, "evaluation.rewards": "true"},
}
"""Config → overrides with which a run of it logs what its algorithm can log."""
ONLY_SOMETIMES = {
    **dict.fromkeys(("requests", "tokens", "money", "cached"), "judge"),
    **dict.fromkeys(("with", "without"), "self_feedback"),
    "marked": "mixing/mix",
}
"""What a reward logs that none of these runs has → the reward."""
ELSEWHERE = {
    "rounds/given": "rl/rounds/choose.py",
    "rounds/sifted": "rl/rounds/choose.py",
    **dict.fromkeys(
        (
            "process/labelled",
            "process/loss",
            "process/labels_agree",
            "process/labels_auc",
            "process/step_auc",
            "process/score_right",
            "process/score_wrong",
        ),
        "rl/rounds/process.py",
    ),
    "rounds/hinted_right_by_wrong_steps": "rl/examples/hints.py",
    "rounds/best/NAME": "rl/examples/strategies.py",
    "sampling/sampling_logp_difference/mean": "rl/analysis/diagnostics/sampler_mismatch.py",
    "triplet/loss": "rl/algorithms/triplet.py",
    "triplet/share": "rl/algorithms/triplet.py",
    "answering/qka_loss": "rl/algorithms/answering.py",
    "answering/qa_loss": "rl/algorithms/answering.py",
}
OF_STATEMENTS = "rl/analysis/statements.py"
"""Where `eval/SPLIT/…` is made that needs `evaluation.statements`."""
"""What these runs have no reason to log → where it is made."""
OF_TEACHERS = "rl/algorithms/distil.py"
"""Where `teacher/…` is made; the divergences are named by `algorithm.teacher.direction`."""


def named():
    """The names in the first cells of the page's tables."""
    cells = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def as_on_the_page(name):
    """A metric's name with placeholders for the split and the reward."""
    name = re.sub(r"^eval/(validation|test)/", "eval/SPLIT/", name)
    return re.sub(r"^(eval/SPLIT/|eval/SPLIT/worst/|)(rewards|control)/(correctness|steps)(?=/|$)", r"\1\2/NAME", name)


@pytest.fixture(scope="module")
def logged(tmp_path_factory, cache):
    folder, names = tmp_path_factory.mktemp("runs"), set()
    for config, overrides in RUNS.items():
        given = {**overrides, "logging.folder": folder}
        train(load(ROOT / "configs" / f"{config}.yaml", [f"{key}={value}" for key, value in given.items()]))
        for line in (folder / config / "metrics.jsonl").read_text().splitlines():
            names |= json.loads(line).keys()
    return {as_on_the_page(name) for name in names - {"step"}}


def test_every_metric_of_a_run_is_on_the_page(logged):
    assert logged <= named()


def test_nothing_is_on_the_page_that_no_run_logs(logged):
    rest = named() - logged
    of_rewards = {name for name in rest if name.rpartition("/")[2] in ONLY_SOMETIMES and name.startswith("rewards/")}
    for name in of_rewards:
        source = (ROOT / "rewards" / f"{ONLY_SOMETIMES[name.rpartition('/')[2]]}.py").read_text()
        assert name.rpartition("/")[2] in source
    of_teachers = {name for name in rest if name.startswith("teacher/")}
    assert {name.removeprefix("teacher/") for name in of_teachers} == {
        "nll",
        *get_args(Teacher.model_fields["direction"].annotation),
    }
    assert all(f'"teacher/{made}' in (ROOT / OF_TEACHERS).read_text() for made in ("nll", "{how.direction}"))
    of_statements = {name for name in rest if name.startswith("eval/")}
    made = (ROOT / OF_STATEMENTS).read_text()
    assert all(f'"{name.rpartition("/")[2]}": ' in made for name in of_statements)
    for name in rest - of_rewards - of_teachers - of_statements:
        assert name in ELSEWHERE and name in (ROOT / ELSEWHERE[name]).read_text(), name
