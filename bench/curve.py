"""The picture of the quickstart's validation accuracy in the README.

    make quickstart
    python bench/curve.py runs/quickstart      (writes bench/quickstart_curve.json and docs/images/quickstart.svg)

Without a run folder it draws the picture again from the rows on record.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from harness import ROOT, Row, flat, read, record
from matplotlib.figure import Figure

from rl.storage.run_folder import RunFolder, read_jsonl

ROWS = ROOT / "bench" / "quickstart_curve.json"
PICTURE = ROOT / "docs" / "images" / "quickstart.svg"
LINES = {
    "greedy": ("right, greedy decoding", "#2f6fdb"),
    "chain": ("right by right steps alone", "#1a8f5a"),
    "mean_at_k": ("right, mean of 8 samples", "#d97b17"),
}
"""Metric of an evaluation → what the legend calls it, and its colour."""
INK = "#7a828e"
"""A grey that can be read on white and on black, since the picture has no background of its own."""


def rows_of(folder: Path) -> list[Row]:
    """The evaluations on validation in a run folder: step, and each metric with its 95% interval."""
    evaluations = [row for row in read_jsonl(RunFolder(folder).evaluations) if row["split"] == "validation"]
    return [flat({name: row[name] for name in ("step", "n", *LINES)}) for row in evaluations]


def drawn(rows: Sequence[Row]) -> str:
    """The picture, as SVG: a line for each metric, in the band of its 95% interval."""
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 10, "svg.hashsalt": "quickstart"}):
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        axes = figure.subplots()
        steps = [row["step"] for row in rows]
        for name, (label, colour) in LINES.items():
            low, value, high = ([row[key] for row in rows] for key in (f"{name}.low", name, f"{name}.high"))
            axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(steps, value, color=colour, marker="o", markersize=3, label=label)
        axes.set_ylim(0, 1)
        axes.set_xlim(left=0)
        axes.set_xlabel("optimizer steps", color=INK)
        axes.set_ylabel(f"share of {rows[0]['n']} problems", color=INK)
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
    """Record the rows of a run, where one is named, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run folder of the quickstart")
    given = parser.parse_args()
    if given.run:
        ROWS.unlink(missing_ok=True)
        record(ROWS, rows_of(given.run), key=["step"])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn(read(ROWS)), encoding="utf-8")
    print(PICTURE)


if __name__ == "__main__":
    main()
