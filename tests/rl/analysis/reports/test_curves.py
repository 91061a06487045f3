"""Charts: what they draw can be found in the SVG."""

import pytest

from rl.analysis.reports.curves import Line, bars, chart, dots, smooth


def test_a_running_mean_has_no_bias_towards_zero():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([0.0, 1.0], decay=0.5) == pytest.approx([0.0, 2 / 3])  # (0.25 · 0 + 0.5 · 1) / 0.75


def test_a_band_is_drawn_where_every_point_has_its_ends_and_not_else():
    points = [(0, 0.5), (1, 0.6)]
    ends = {0: (0.4, 0.6), 1: (0.5, 0.7)}
    assert "FillBetween" in chart("t", "share", [Line("a", points, ends)])
    assert "FillBetween" not in chart("t", "share", [Line("a", points, {0: (0.4, 0.6)})])


def test_labels_are_text_and_escaped():
    svg = chart("<i>$t$</i>", "share", [Line("<b>", [(0, 1)]), Line("$x$", [(0, 0)])])
    assert svg.startswith("<svg") and "&lt;b&gt;" in svg and "<b>" not in svg and "$x$" in svg
    assert "&lt;i&gt;$t$&lt;/i&gt;" in svg


def test_bars_and_dots_name_each_value():
    assert all(text in bars("t", "s", {"one": 1.5, "two": 20.0}) for text in (">one<", ">two<", "1.5", "20"))
    assert all(text in dots("t", "s", {"one": (0.5, 0.4, 0.6)}) for text in (">one<", "0.500"))
