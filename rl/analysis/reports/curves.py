"""Charts as SVG, drawn by matplotlib; their text stays text, and a page in the dark inverts them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MANY = 40
"""A line with more points than this is drawn faintly, with its running mean on top."""
COLOURS = ("#2f6fdb", "#d97b17", "#1a8f5a", "#c2413b", "#7b54c9", "#8a6a4f", "#c657a0", "#5b6470", "#9a9a20", "#2397a6")


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: what the legend calls it.
        points: (x, y) in order of x.
        band: x → the ends of the interval around it; drawn where every point has one.
        smooth: whether many points are shown by their running mean.
        colour: of a thing that has the same one in every chart, and is always named; None for the next one.
    """

    label: str
    points: Sequence[tuple[float, float]]
    band: Mapping[Any, tuple[float, float]] = field(default_factory=dict)
    smooth: bool = True
    colour: str | None = None


def chart(title: str, unit: str, lines: Sequence[Line], *, across: str = "optimizer steps") -> str:
    """A chart of lines as SVG.

    Args:
        title: above it.
        unit: of the values; `share` fixes the axis to 0 to 1.
        lines: one or more, each with a point at least.
        across: what the horizontal axis counts.
    """
    with _drawing(title) as (axes, svg):
        for line, colour in zip(lines, COLOURS * (1 + len(lines) // len(COLOURS)), strict=False):
            _draw(axes, line, line.colour or colour)
        if unit == "share":
            axes.set_ylim(-0.02, 1.02)
        if len(at := {x for line in lines for x, _ in line.points}) == 1:
            axes.set_xticks(list(at))  # not fractions of a step around it
        axes.set_xlabel(across)
        axes.set_ylabel(unit)
        axes.grid(alpha=0.25)
        if len(lines) > 1 or lines[0].colour:
            axes.legend(frameon=False, fontsize=8)
    return svg[0]


def bars(title: str, unit: str, parts: Mapping[str, float]) -> str:
    """Horizontal bars as SVG, the first on top, each with its value beside it.

    Args:
        title: above it.
        unit: of the values.
        parts: label → value.
    """
    with _drawing(title, height=0.9 + 0.28 * len(parts)) as (axes, svg):
        labels = list(parts)[::-1]
        drawn = axes.barh(labels, [parts[label] for label in labels], color=COLOURS[0], height=0.6)
        axes.bar_label(drawn, labels=[f"{parts[label]:,.3g}" for label in labels], fontsize=8, padding=3)
        axes.margins(x=0.12)
        axes.set_xlabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
    return svg[0]


def dots(title: str, unit: str, figures: Mapping[str, tuple[float, float, float]]) -> str:
    """Values with their intervals under each other, as SVG, the first on top.

    Args:
        title: above it.
        unit: of the values.
        figures: label → (value, low, high).
    """
    with _drawing(title, height=0.9 + 0.28 * len(figures)) as (axes, svg):
        for row, (value, low, high) in enumerate(list(figures.values())[::-1]):
            colour = COLOURS[(len(figures) - 1 - row) % len(COLOURS)]
            axes.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot([value], [row], color=colour, marker="o", markersize=5)
            axes.annotate(f"{value:.3f}", (high, row), xytext=(5, -3), textcoords="offset points", fontsize=8)
        axes.set_yticks(range(len(figures)), list(figures)[::-1])
        axes.set_ylim(-0.6, len(figures) - 0.4)
        axes.margins(x=0.15)
        axes.set_xlabel(unit)
        axes.grid(alpha=0.25, axis="x")
    return svg[0]


def smooth(values: Sequence[float], decay: float = 0.9) -> list[float]:
    """Exponential running mean with bias correction (Kingma & Ba 2015, arXiv:1412.6980, section 3).

    Args:
        values: the values, one after another.
        decay: weight of what came before.
    """
    smoothed, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = decay * mean + (1 - decay) * value, decay * weight + (1 - decay)
        smoothed.append(mean / weight)
    return smoothed


def _draw(axes: Axes, line: Line, colour: str) -> None:
    across, values = zip(*line.points, strict=True)
    if line.band and all(x in line.band for x in across):
        low, high = zip(*(line.band[x] for x in across), strict=True)
        axes.fill_between(across, low, high, color=colour, alpha=0.18, linewidth=0)
    if line.smooth and len(line.points) > MANY:
        axes.plot(across, values, color=colour, linewidth=0.6, alpha=0.3)
        axes.plot(across, smooth(values), color=colour, label=line.label)
    else:
        marker = "o" if len(line.points) <= MANY else ""
        axes.plot(across, values, color=colour, marker=marker, markersize=3, label=line.label)


@contextmanager
def _drawing(title: str, height: float = 2.7) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on, and a list that holds the SVG afterwards. Labels are never read as mathematics."""
    settings: Any = {"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": title, "text.parse_math": False}
    svg: list[str] = []
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, loc="left")
        yield axes, svg
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg.append(written.getvalue()[written.getvalue().index("<svg") :])
