"""The pictures of validation accuracy in the README and on the pages of the algorithms.

    python bench/curve.py                      (draws all of them from the rows on record)
    make quickstart
    python bench/curve.py runs/quickstart      (first records the run's evaluations in bench/quickstart_curve.json)

Of the quickstart there is the curve of one run. The other pictures show all seeds: of `make bench-learning`, for
Quark the rounds of `make papers ONLY=mario`, and for each rung of real models the draws of `make real`.
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
from harness import ROOT, Row, flat, read, record
from matplotlib.figure import Figure

from rl.storage.run_folder import RunFolder, read_jsonl

BENCH, IMAGES = ROOT / "bench", ROOT / "docs" / "images"
ROWS = BENCH / "quickstart_curve.json"
LEARNING = {"grpo": "grpo_first_error", "dpo": "dpo_rounds", "orpo": "orpo_rounds", "star": "star"}
"""Picture → the method of `bench/learning.json` that it shows."""
LINES = {
    "greedy": "right, greedy decoding",
    "chain": "right by right steps alone",
    "mean_at_k": "right, mean of 8 samples",
}
"""Metric of an evaluation → what the legend calls it."""
QUARK = {"correctness": "right", "plausibility": "plausible", "diversity": "diverse", "consistency": "consistent"}
"""Reward of `configs/papers/mario.yaml` → what the legend calls it."""
PICTURES = ("quickstart", *LEARNING, "quark")
"""The pictures that are always there; `pictures` adds those of real models."""
REAL = "real_"
"""What the name of a picture of real models begins with; the name of the rung comes after it."""
COLOURS = ("#2f6fdb", "#1a8f5a", "#d97b17", "#b0479a")
INK = "#7a828e"
"""A grey that can be read on white and on black, since the picture has no background of its own."""


class Curve(NamedTuple):
    """What a picture shows.

    Attributes:
        across: what the horizontal axis says.
        upwards: what the vertical axis says.
        places: the places of the points on the horizontal axis.
        bands: what the legend says → the lowest, the usual and the highest value at each place; a curve may end early.
    """

    across: str
    upwards: str
    places: Sequence[float]
    bands: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]]


def rows_of(folder: Path) -> list[Row]:
    """The evaluations on validation in a run folder: step, and each metric with its 95% interval."""
    evaluations = [row for row in read_jsonl(RunFolder(folder).evaluations) if row["split"] == "validation"]
    return [flat({name: row[name] for name in ("step", "n", *LINES)}) for row in evaluations]


def of_run(rows: Sequence[Row]) -> Curve:
    """The curve of one run, in the bands of its 95% intervals."""

    def column(key: str) -> list[float]:
        return [row[key] for row in rows]

    bands = {label: (column(f"{name}.low"), column(name), column(f"{name}.high")) for name, label in LINES.items()}
    return Curve("optimizer steps", f"share of {rows[0]['n']} problems", column("step"), bands)


def of_seeds(rows: Sequence[Row]) -> Curve:
    """The mean curve of a method's seeds, in the band from the lowest to the highest."""
    bands = {label: band([row[f"curve.{name}"] for row in rows]) for name, label in LINES.items()}
    return Curve("completions", f"share of problems, {len(rows)} seeds", rows[0]["curve.samples"], bands)


def of_rounds(rows: Sequence[Row]) -> Curve:
    """The mean of each reward over the samples of a round: the mean of the seeds, and the lowest and the highest."""
    bands = {label: band([row[f"rounds.rewards/{name}"] for row in rows]) for name, label in QUARK.items()}
    places = range(1, 1 + len(rows[0]["rounds.right"]))
    return Curve("round", f"mean reward of its samples, {len(rows)} seeds", places, bands)


def of_arms(rows: Sequence[Row]) -> Curve:
    """The share of right completions in the draws of each arm of a rung: the mean of its seeds, lowest and highest."""
    arms = {arm: [row for row in rows if row["arm"] == arm] for arm in dict.fromkeys(row["arm"] for row in rows)}
    bands = {arm: band([row["curve.right"] for row in of]) for arm, of in arms.items()}
    places = max((row["curve.step"] for row in rows), key=len)
    return Curve("optimizer steps", "right, share of the completions drawn", places, bands)


def pictures() -> tuple[str, ...]:
    """The names of all pictures: a rung of real models has one as soon as a run of it is on record."""
    return (*PICTURES, *(f"{REAL}{rung}" for rung in dict.fromkeys(row["rung"] for row in _drawn_on_record())))


def _drawn_on_record() -> list[Row]:
    return [row for row in read(BENCH / "real.json") if "curve.right" in row]


def band(curves: Sequence[Sequence[float]]) -> tuple[list[float], list[float], list[float]]:
    """The lowest value, the mean and the highest value of several curves at each place."""
    points = list(zip(*curves, strict=True))
    return [*map(min, points)], [*map(statistics.mean, points)], [*map(max, points)]


def curve_of(name: str) -> Curve:
    """What a picture shows, from the rows on record.

    Args:
        name: in `pictures()`.
    """
    if name.startswith(REAL):
        return of_arms([row for row in _drawn_on_record() if row["rung"] == name.removeprefix(REAL)])
    if name == "quickstart":
        return of_run(read(ROWS))
    if name == "quark":
        found = [row for row in read(BENCH / "papers.json") if row["recipe"] == "mario"]
        return of_rounds([row for row in found if row["arm"] == "four rewards"])
    return of_seeds([row for row in read(BENCH / "learning.json") if row["method"] == LEARNING[name]])


def drawn(name: str) -> str:
    """A picture in `pictures()`, as SVG."""
    curve = curve_of(name)
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 10, "svg.hashsalt": name}):
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        axes = figure.subplots()
        for (label, (low, value, high)), colour in zip(curve.bands.items(), COLOURS, strict=False):
            places = curve.places[: len(value)]
            axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(places, value, color=colour, marker="o", markersize=3, label=label)
        axes.set_ylim(0, 1)
        axes.set_xlim(left=curve.places[0])
        axes.set_xlabel(curve.across, color=INK)
        axes.set_ylabel(curve.upwards, color=INK)
        axes.tick_params(colors=INK)
        axes.grid(alpha=0.25)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, labelcolor=INK, loc="lower right")
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return "".join(f"{line.rstrip()}\n" for line in svg.getvalue().splitlines())


def main() -> None:
    """Record the rows of a run, where one is named, and draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run folder of the quickstart")
    given = parser.parse_args()
    if given.run:
        ROWS.unlink(missing_ok=True)
        record(ROWS, rows_of(given.run), key=["step"])
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in pictures():
        (IMAGES / f"{name}.svg").write_text(drawn(name), encoding="utf-8")
        print(IMAGES / f"{name}.svg")


if __name__ == "__main__":
    main()
