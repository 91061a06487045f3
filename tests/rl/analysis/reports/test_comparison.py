"""Runs beside each other, from run folders that are written by hand."""

import pytest

from rl.analysis.reports.comparison import differences, drawn, figures, variants, write_comparison
from rl.analysis.reports.curves import COLOURS
from rl.analysis.reports.report import write_report
from rl.analysis.reports.runs import read_run
from rl.errors import UserError
from rl.storage.config_changes import NOT_SET
from tests.rl.analysis.reports.conftest import HOSTILE, write_run
from tests.rl.analysis.reports.test_report import Page


@pytest.fixture
def runs(small, tmp_path):
    """Two seeds of one config, and a run with other keys."""
    other = [*small, "sampling.completions=8", "trainer.beta=0.1"]
    return [
        write_run(tmp_path / "plain_s0", small, greedy=(0.2, 0.6)),
        write_run(tmp_path / "wide", other, greedy=(0.2, 0.5)),
        write_run(tmp_path / "plain_s1", small, greedy=(0.3, 0.8), seed=1),
    ]


def test_runs_that_differ_in_their_seeds_alone_are_one_variant(runs):
    plain, wide = variants([read_run(run.path) for run in runs])
    assert (plain.label, wide.label) == ("plain (2 runs)", "wide")
    assert [run.config["seed"] for run in plain.runs] == [0, 1]


def test_variants_of_one_name_are_told_apart_by_their_folders(small, tmp_path):
    (tmp_path / "there").mkdir()
    runs = [write_run(tmp_path / "a", small), write_run(tmp_path / "there" / "a", [*small, "trainer.beta=0.1"])]
    labels = [variant.label for variant in variants([read_run(run.path) for run in runs])]
    assert labels == [f"a ({run.path})" for run in runs]


def test_several_runs_are_their_mean_between_the_lowest_and_the_highest_and_one_has_its_interval(runs):
    plain, wide = variants([read_run(run.path) for run in runs])
    line = plain.line("eval/validation/greedy")
    assert line.points == [(0, pytest.approx(0.25)), (80, pytest.approx(0.7))]
    assert line.band == {0: (0.2, 0.3), 80: (0.6, 0.8)}
    assert plain.figure("greedy") == (pytest.approx(0.7), 0.6, 0.8)
    assert wide.line("eval/validation/greedy").band[80] == (pytest.approx(0.4), pytest.approx(0.6))
    assert wide.figure("greedy") == (0.5, pytest.approx(0.4), pytest.approx(0.6))
    assert wide.figure("greedy", "before") == (0.2, pytest.approx(0.1), pytest.approx(0.3))
    assert plain.line("kl") is None and plain.figure("none") is None


def test_a_run_that_is_not_finished_has_curves_and_no_figure(runs):
    runs[1].summary.unlink()
    compared = variants([read_run(run.path) for run in runs])
    assert compared[1].figure("greedy") is None and compared[1].line("reward") is not None
    assert figures(compared)["greedy"].keys() == {"plain (2 runs)"}
    charts = drawn(compared)
    assert len(charts) == 3  # accuracy, reward, entropy
    runs[0].metrics.write_text("")  # then its variant has no line, and the other keeps its name and its colour
    alone = drawn(variants([read_run(run.path) for run in runs]))
    assert COLOURS[1] in alone[0] and COLOURS[0] not in alone[0] and ">wide<" in alone[0]


def test_only_keys_that_differ_are_listed(runs):
    compared = variants([read_run(run.path) for run in runs])
    assert differences(compared) == {"sampling.completions": [4, 8], "trainer.beta": [NOT_SET, 0.1]}
    assert differences(compared[:1]) == {}
    assert compared[0].runs[0].config["sampling"].pop("min_p") is None  # a key without a value is as good as none
    assert differences(compared).keys() == {"sampling.completions", "trainer.beta"}


def test_the_page_has_all_of_it_and_is_no_markup(runs, tmp_path):
    page = write_comparison([run.path for run in runs], tmp_path / "page.html").read_text()
    for text in ("What differs", "<code>trainer.beta</code>", "plain (2 runs)", "12,345", "3.3", "trl 1.16.0"):
        assert text in page, text
    assert page.count("<svg") == 4 and "different tasks" not in page
    assert not {tag for tag, _ in Page(page).elements} & {"script", "img"} and HOSTILE not in page
    assert write_report(runs[0].path, tmp_path / "one.html") == tmp_path / "one.html"


def test_what_cannot_be_compared_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match="is named twice"):
        write_comparison([runs[0].path, tmp_path / "." / "plain_s0"], tmp_path / "page.html")
    with pytest.raises(UserError, match="is not a run folder"):
        write_comparison([runs[0].path, tmp_path / "gone"], tmp_path / "page.html")
    with pytest.raises(UserError, match=r"cannot be written: there is no folder .*gone"):
        write_comparison([runs[0].path, runs[1].path], tmp_path / "gone" / "page.html")
