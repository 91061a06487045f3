"""The watch: what is said, once, when; a diagnostic that breaks; and the same again from the records."""

import json

import pytest

from rl.analysis.diagnostics.record import Finding
from rl.analysis.diagnostics.registry import EVERY
from rl.analysis.diagnostics.watch import Watch, replayed

CONFIG = {"algorithm": {"name": "grpo"}, "rewards": {"correctness": {"weight": 1.0}}, "mix": {}}
CUT_OFF = [{"step": step, "completions/clipped_ratio": share} for step, share in enumerate([0, 0.1, 0.3, 0.3, 0.9], 1)]


def test_a_finding_is_told_once_at_the_step_where_it_is_first_seen():
    told = []
    watch = Watch(CONFIG, told.append)
    for row in CUT_OFF:
        watch.log(row)
    assert [(finding.name, finding.step) for finding in told] == [("truncation", 4)] and watch.findings == told


def test_a_replay_of_the_records_says_the_same():
    watch = Watch(CONFIG)
    for row in CUT_OFF:
        watch.log(row)
    assert replayed(CUT_OFF, [], CONFIG).findings == watch.findings
    assert json.loads(json.dumps(watch.findings[0].as_dict()))["evidence"] == {"share": pytest.approx(0.7 / 3)}


def test_a_diagnostic_that_breaks_is_reported_once_and_ends_nothing():
    complaints, told = [], []
    looks = {"broken": lambda record: record.rows[7], "other": lambda record: Finding("other", record.step, "m", "r")}
    watch = Watch(CONFIG, told.append, complaints.append, at_evaluations={}, at_log_lines=looks)
    for row in CUT_OFF:
        watch.log(row)
    assert complaints == ["the diagnostic broken broke and is left out (IndexError: list index out of range)"]
    assert [finding.name for finding in told] == ["other"] and watch.broken.keys() == {"broken"}


def test_accuracy_is_looked_at_when_it_was_measured_alone():
    asked = []
    watch = Watch(CONFIG, at_evaluations={"one": lambda record: asked.append(record.step)}, at_log_lines={})
    for row in [*CUT_OFF, {"step": 5, "eval/validation/greedy": 0.5}]:
        watch.log(row)
    assert asked == [5]


def test_evaluations_are_there_when_their_line_is_read():
    evaluations = [{"step": 0, "split": "test", "greedy": {"value": 0.5}, "examples": ["long"]}]
    watch = replayed([{"step": 0, "eval/test/greedy": 0.5}], evaluations, CONFIG)
    assert watch.record.evaluations == [{"step": 0, "split": "test", "greedy": {"value": 0.5}}]


def test_every_diagnostic_is_silent_about_a_run_without_metrics():
    assert not replayed([{"step": 1}, {"step": 1, "eval/test/greedy": 0.5}], [], CONFIG).broken
    assert len(EVERY) == 13
