"""The rows of every table of figures: which metrics, in which order, and what each means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ROWS = {
    "greedy": "right (greedy decoding)",
    "chain": "right by right steps alone",
    "mean_at_k": "right, mean of {k} samples",
    "pass_at_k": "right in any of {k} samples",
    "maj_at_k": "right by vote of {k} samples",
    "cut_off": "cut off before the end",
    "without_statement": "right without a statement",
    "with_statement": "right by its greedy statement",
    "with_best_statement": "right by the best of its statements or none",
}
"""Metric → its description, in the order of the table."""


def compared(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The rows of a table that compares evaluations: the description of a metric, and its interval in each of them.

    Args:
        figures: the figures of each evaluation, as in a summary; a metric that one of them lacks has no row.
    """
    k = figures[-1]["k"]
    rewards = {name: f"({name.partition('/')[2]}, mean reward)" for name in figures[-1] if name.startswith("rewards/")}
    return [
        (meaning.format(k=k), [of_one[name] for of_one in figures])
        for name, meaning in {**ROWS, **rewards}.items()
        if all(of_one.get(name) for of_one in figures)
    ]


def evaluations(summaries: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The evaluations before the first stage and after each stage."""
    return [next(iter(summaries.values()))["before"], *(summary["after"] for summary in summaries.values())]
