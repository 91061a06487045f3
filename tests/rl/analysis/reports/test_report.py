"""The report of run folders that are written by hand."""

import json
import re
from html.parser import HTMLParser

import pytest

from rl.analysis.reports.phases import seconds_by_phase
from rl.analysis.reports.report import curves, write_report
from rl.analysis.reports.runs import read_run
from tests.rl.analysis.reports.conftest import HOSTILE
from tests.rl.analysis.reports.test_runs import CONFIG


class Page(HTMLParser):
    """The elements of a page, and its text outside of styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def test_a_run_that_has_only_begun_has_a_report(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    assert "not finished" in write_report(tmp_path).read_text()
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.5}) + '\n{"step": 2, "rew')
    assert "<html" in write_report(tmp_path).read_text()


def test_what_a_model_wrote_is_text_and_never_markup(hostile):
    page = Page(write_report(hostile.path).read_text())
    names = {name for name, _ in page.elements}
    assert not names & {"script", "img", "iframe", "object", "link"}
    assert not [attrs for _, attrs in page.elements if any(name.startswith("on") for name in attrs)]
    text = "".join(page.texts)
    for where in (f"1+{HOSTILE}?", f"b{HOSTILE}?", f"answer: {HOSTILE}", f"#{HOSTILE}", f"2+2 is 4 {HOSTILE}"):
        assert where in text, where
    titles = [attrs.get("title") for name, attrs in page.elements if name == "mark" and attrs["class"] == "wrong"]
    assert f"2+2 is 4 {HOSTILE}" in titles


def test_a_reward_with_a_hostile_name_is_a_label_and_no_formula(tmp_path):
    name = "<b>$x^2$</b>"
    (tmp_path / "config.yaml").write_text(CONFIG.replace("correctness", f"'{name}'"))
    rows = [{"step": at, "reward": 0.5, f"rewards/{name}/mean": 0.5, f"rewards/{name}/no_signal": 0.1} for at in (1, 2)]
    (tmp_path / "metrics.jsonl").write_text(
        "".join(json.dumps({**row, "frac_reward_zero_std": 0}) + "\n" for row in rows)
    )
    page = Page(write_report(tmp_path).read_text())
    assert "b" not in {tag for tag, _ in page.elements}
    assert f"{name}/no signal" in page.texts


def test_the_page_is_whole_and_needs_nothing_else(hostile):
    before = write_report(hostile.path).read_text()
    for heading in ("Before and after", "Is it learning?", "What does it earn?", "Is it stable?", "What does it cost?",
                    "Which prompts fail", "Examples", "Keys that differ from their defaults"):  # fmt: skip
        assert f">{heading}</" in before, heading
    assert "Changes of the config" not in before and 'id="FillBetweenPolyCollection_1"' in before
    assert "python 3.11.2 · trl 1.16.0" in before
    assert "<code>trainer.max_steps</code></td><td><code>–</code></td><td><code>4</code>" in before
    assert "<code>policy.warm_start.hidden</code></td><td><code>128</code></td><td><code>32</code>" in before
    hostile.append(hostile.config_changes, {"checkpoint": None, "rounds": None, "changes": {"evaluation.n": [16, 32]}})
    page = write_report(hostile.path).read_text()
    assert re.search(r"the start</td><td><code>evaluation\.n</code></td><td><code>16</code></td><td><code>32<", page)
    assert not re.findall(r"(?:src|href)=\"https?://", page.replace('xmlns:xlink="http', ""))


def test_charts_without_a_line_are_left_out(hostile):
    drawn = curves(read_run(hostile.path))
    assert "What did the rounds draw?" not in drawn and len(drawn["Is it learning?"]) == 1


def test_rounds_have_charts_of_whatever_strategies_and_control_tokens_they_recorded(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.replace("{name: grpo}", "{name: sft, rounds: 2}"))
    recorded = {
        "rounds/best/at_once": 0.25,
        "rounds/best/by_steps": 0.75,
        "control/a/best_from": 0.9,
        "control/b/best_from": 1,
    }
    rows = [{"step": at, **recorded, "process/step_auc": 0.8, "process/labels_auc": 0.9} for at in (0, 9)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    texts = Page(write_report(tmp_path).read_text()).texts
    assert {"at once", "by steps", "a/best from", "b/best from", "labels auc", "step auc"} <= {
        text.strip() for text in texts
    }


def test_seconds_by_phase_are_those_of_the_draws_and_what_is_left_of_the_steps(hostile):
    # 80 steps of 2 s, one draw a step: 1 s of sampling, 0.5 s of judging, 0.25 s of the critic; 4 evaluations of 2 s
    seconds = seconds_by_phase(read_run(hostile.path))
    assert seconds == pytest.approx({
        "sampling": 80.0, "judging": 40.0, "critic": 20.0, "update of the policy": 20.0, "evaluation": 8.0,
        "loading, saving and the rest": 32.0,
    })  # fmt: skip
    assert next(iter(seconds)) == "sampling"


def test_the_time_of_rounds_is_the_sum_over_them(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.replace("{name: grpo}", "{name: dpo, rounds: 2}"))
    rows = [{"step": at, "time/sampling": 3.0, "time/judging": 1.0} for at in (0, 9)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert seconds_by_phase(read_run(tmp_path)) == {"sampling": 6.0, "judging": 2.0, "evaluation": 0}
