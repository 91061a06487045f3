"""Plots of scored completions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

SCATTERS = 3
POINTS = 2000
"""Largest number of points in a scatter plot, the first ones of the table."""


def plot(
    frame: pd.DataFrame, names: Sequence[str], parts: Sequence[str], correlation: pd.DataFrame, right: pd.Series | None
) -> Figure:
    """Plot histograms, then the least correlated pairs of rewards, then all correlations.

    Args:
        frame: the table.
        names: names of the rewards and the mix.
        parts: names of the rewards alone.
        correlation: the result of `Scored.correlation()`.
        right: whether each completion is right, NaN if unknown; None if unknown for all.
    """
    pairs: Any = correlation[correlation["reward"].isin(parts) & correlation["other"].isin(parts)]
    pairs = pairs.sort_values("spearman", na_position="last").head(SCATTERS)
    panels = len(names) + len(pairs) + (len(names) > 1)
    across = min(3, panels)
    down = math.ceil(panels / across)
    figure = plt.figure(figsize=(3.6 * across, 2.7 * down), layout="constrained")
    axes = iter(figure.subplots(down, across, squeeze=False).flat)
    kinds = {"": (frame.index >= 0, "tab:blue")}
    if right is not None:
        kinds = {"right": ((right >= 1).to_numpy(), "tab:green"), "wrong": ((right < 1).to_numpy(), "tab:red")}
    for name in names:
        panel, values = next(axes), frame[name].dropna()
        edges = np.histogram_bin_edges(values, bins=20) if len(values) else 20
        for label, (mask, colour) in kinds.items():
            panel.hist(frame.loc[mask, name].dropna(), bins=edges, alpha=0.55, label=label, color=colour)
        panel.set(title=name, ylabel="completions")
        if right is not None:
            panel.legend(frameon=False, fontsize=8)
    rng = np.random.default_rng(0)
    for one, other in zip(pairs["reward"], pairs["other"], strict=True):
        panel = next(axes)
        for mask, colour in kinds.values():
            both: Any = frame.loc[mask, [one, other]].dropna().head(POINTS)
            spread = 0.01 * (both.max() - both.min()).to_numpy() if len(both) else 0.0
            moved = both + rng.normal(size=both.shape) * spread  # equal values would hide each other
            panel.scatter(moved[one], moved[other], s=6, alpha=0.35, color=colour)
        panel.set(xlabel=one, ylabel=other)
    if len(names) > 1:
        panel = next(axes)
        matrix = pd.DataFrame(np.eye(len(names)), index=list(names), columns=list(names))
        for one, other, spearman in correlation[["reward", "other", "spearman"]].itertuples(index=False):
            matrix.loc[one, other] = matrix.loc[other, one] = spearman
        panel.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
        for y, x in np.ndindex(matrix.shape):
            value = matrix.iloc[y, x]
            text = "–" if np.isnan(value) else f"{value:.2f}"
            colour = "white" if abs(value) > 0.6 else "black"
            panel.text(x, y, text, ha="center", va="center", fontsize=8, color=colour)
        panel.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=8)
        panel.set_yticks(range(len(names)), names, fontsize=8)
        panel.set_title("rank correlation")
    for empty in axes:
        empty.axis("off")
    plt.close(figure)  # so that a notebook shows it only once, as the value of the cell
    return figure
