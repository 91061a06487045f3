r"""Metrics of step scores: ProcessBench's protocol, step AUC, calibration, and best of n.

ProcessBench (Zheng et al. 2024, arXiv:2412.06559): a model names the first wrong step of a completion, or none. With
$a$ the share of wrong completions for which it names the right step, and $b$ the share of right completions for which
it names none, $F_1 = 2ab / (a + b)$. A process reward model names the first step whose score is below a threshold.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from rewards.parts.step_scores import FINAL
from rewards.sample import Sample
from rl.analysis.evaluation import pass_at
from rl.analysis.intervals import wilson
from rl.prm.labelled import answer_of, has_labels, problem_of, scores_of


def first_wrong(scores: Sequence[float | None], threshold: float = 0.5) -> int:
    """The first step whose score (or label) is below the threshold.

    Args:
        scores: numbers in [0, 1], in the order of the steps; None is passed over.
        threshold: in [0, 1].

    Returns:
        The step's index from 0; -1 for none.
    """
    return next((i for i, score in enumerate(scores) if score is not None and score < threshold), -1)


def protocol(predicted: Sequence[int], truth: Sequence[int]) -> dict[str, Any]:
    """ProcessBench's metrics for N completions.

    Args:
        predicted: the predicted first wrong step of each completion, -1 for none.
        truth: the true first wrong step of each, -1 for none.

    Returns:
        `wrong` and `right`, accuracies with 95% intervals (None if there are no such completions); `f1`, their
        harmonic mean; `n_wrong` and `n_right`, the numbers of completions.
    """
    pairs = list(zip(predicted, truth, strict=True))
    figures: dict[str, Any] = {}
    for name, group in (
        ("wrong", [p == t for p, t in pairs if t != -1]),
        ("right", [p == t for p, t in pairs if t == -1]),
    ):
        interval = wilson(sum(group), len(group))
        figures[name] = interval and interval.as_dict()
        figures[f"n_{name}"] = len(group)
    if figures["wrong"] and figures["right"]:
        a, b = figures["wrong"]["value"], figures["right"]["value"]
        figures["f1"] = 2 * a * b / (a + b) if a + b else 0.0
    else:
        figures["f1"] = None
    return figures


def best_threshold(scores: Sequence[Sequence[float]], truth: Sequence[int]) -> float:
    """The threshold from 0.01 to 0.99 with the highest F1. Choose it on other completions than those you report on.

    Args:
        scores: the step scores of N completions, each in [0, 1].
        truth: the first wrong step of each, -1 for none.

    Raises:
        ValueError: all completions are right or all are wrong, so F1 is undefined.
    """
    if len({first == -1 for first in truth}) < 2:
        kind = "wrong" if -1 in truth else "right"
        raise ValueError(f"no {kind} completion among {len(truth)}, so no threshold has an F1")
    grid = [step / 100 for step in range(1, 100)]
    return max(grid, key=lambda t: protocol([first_wrong(of, t) for of in scores], truth)["f1"] or 0.0)


def step_auc(scores: Sequence[float], labels: Sequence[float]) -> float | None:
    """Area under the ROC curve of step scores.

    Args:
        scores: scores of S steps.
        labels: labels of these steps, in [0, 1]; a step is right if its label is above one half.

    Returns:
        The area; None if all steps are right or all are wrong.
    """
    kinds = [label > 0.5 for label in labels]
    return float(roc_auc_score(kinds, scores)) if len(set(kinds)) == 2 else None


def calibration(scores: Sequence[float], labels: Sequence[float], bins: int = 10) -> dict[str, Any]:
    """Expected calibration error over equal-width bins, and the reliability table (Guo et al. 2017, arXiv:1706.04599).

    Args:
        scores: scores of S steps, in [0, 1].
        labels: labels of these steps, in [0, 1].
        bins: number of bins of [0, 1].

    Returns:
        `ece`, and `bins`: `low, high, n, score` (mean) and `right` (mean label) of each bin that is not empty.
    """
    places = np.minimum((np.asarray(scores) * bins).astype(int), bins - 1)
    table, error = [], 0.0
    for place in sorted(set(places.tolist())):
        here = places == place
        score, right = float(np.asarray(scores)[here].mean()), float(np.asarray(labels)[here].mean())
        error += abs(score - right) * float(here.mean())
        low, high = place / bins, (place + 1) / bins
        table.append({"low": low, "high": high, "n": int(here.sum()), "score": score, "right": right})
    return {"ece": error, "bins": table}


def best_of_n(groups: Sequence[Sequence[tuple[float, bool, str | None]]], seed: int = 0) -> dict[int, dict[str, float]]:
    """Accuracy of the sample with the best score among n, compared with the majority vote and the upper bound pass@n.

    Args:
        groups: for each problem its samples as (score, right, answer). Problems with fewer than n samples are left out
            for that n.
        seed: random seed for the subsets on which votes are counted.

    Returns:
        n (powers of two) → `best`, `majority`, `pass` and `problems`. `best` and `pass` are exact means over all
        subsets of n, with ties shared evenly; `majority` is a mean over 100 random subsets, or the vote of all n
        samples.
    """
    most = max((len(group) for group in groups), default=0)
    figures = {}
    for n in (2**e for e in range(most.bit_length())):
        enough = [group for group in groups if len(group) >= n]
        votes = [_majority(group, n, random.Random(f"{seed} {place}")) for place, group in enumerate(enough)]
        figures[n] = {
            "best": float(np.mean([_best(group, n) for group in enough])),
            "majority": float(np.mean(votes)),
            "pass": float(np.mean([pass_at(len(group), sum(right for _, right, _ in group), n) for group in enough])),
            "problems": len(enough),
        }
    return figures


def evaluate(samples: Sequence[Sample], scores: Sequence[Sequence[float]], threshold: float = 0.5) -> dict[str, Any]:
    """All metrics that the labels of the samples allow.

    The protocol and the AUC use a completion up to its first wrong step, because steps after a mistake are neither
    right nor wrong by themselves. `all_steps_auc` uses every labelled step.

    Args:
        samples: N samples with labels.
        scores: scores of their steps, in [0, 1].
        threshold: a step with a lower score counts as wrong.

    Returns:
        `chains` and `steps`, the numbers of completions and steps; `threshold`; `processbench` (`protocol`); `step_auc`
        and `all_steps_auc`; `calibration`; and if a problem has several completions, `best_of_n` for each way of
        aggregating the step scores of a completion.
    """
    labelled = [(sample, own) for sample, own in zip(samples, scores, strict=True) if has_labels(sample)]
    truth = [first_wrong(scores_of(sample.labels)) for sample, _ in labelled]
    until: list[tuple[float, float]] = []
    every: list[tuple[float, float]] = []
    for (sample, own), first in zip(labelled, truth, strict=True):
        pairs = list(zip(own, scores_of(sample.labels), strict=True))
        until += [(s, y) for s, y in (pairs if first < 0 else pairs[: first + 1]) if y is not None]
        every += [(s, y) for s, y in pairs if y is not None]
    figures: dict[str, Any] = {
        "chains": len(labelled),
        "steps": len(until),
        "threshold": threshold,
        "processbench": protocol([first_wrong(own, threshold) for _, own in labelled], truth),
        "step_auc": step_auc([score for score, _ in until], [label for _, label in until]),
        "all_steps_auc": step_auc([score for score, _ in every], [label for _, label in every]),
        "calibration": calibration([score for score, _ in until], [label for _, label in until]) if until else None,
    }
    groups: Mapping[str, list[tuple[Sample, Sequence[float]]]] = defaultdict(list)
    for sample, own in zip(samples, scores, strict=True):
        if sample.right is not None:
            groups[problem_of(sample)].append((sample, own))
    if any(len(group) > 1 for group in groups.values()):
        figures["best_of_n"] = {
            name: best_of_n(
                # a completion without steps is chosen last
                [
                    [(final(own) if own else -1.0, bool(one.right), answer_of(one)) for one, own in group]
                    for group in groups.values()
                ]
            )
            for name, final in FINAL.items()
        }
    return figures


def _best(group: Sequence[tuple[float, bool, str | None]], n: int) -> float:
    """Expected accuracy of the best-scored among n samples drawn without replacement; ties are shared evenly."""
    total, above, expected = len(group), 0, 0.0
    counts: dict[float, list[bool]] = defaultdict(list)
    for score, right, _ in group:
        counts[score].append(right)
    for score in sorted(counts, reverse=True):
        tied = counts[score]
        # the best sample has this score if none is above it and not all are below it
        none_above = math.comb(total - above, n)
        none_here = math.comb(total - above - len(tied), n)
        expected += (none_above - none_here) / math.comb(total, n) * sum(tied) / len(tied)
        above += len(tied)
    return expected


def _majority(group: Sequence[tuple[float, bool, str | None]], n: int, rng: random.Random) -> float:
    subsets = [group] if n == len(group) else [rng.sample(list(group), n) for _ in range(100)]
    return sum(map(_vote, subsets)) / len(subsets)


def _vote(group: Sequence[tuple[float, bool, str | None]]) -> float:
    votes = Counter(answer for _, _, answer in group if answer is not None)
    if not votes:
        return 0.0
    winners = [answer for answer, count in votes.items() if count == max(votes.values())]
    right = {answer: right for _, right, answer in group}
    return sum(right[answer] for answer in winners) / len(winners)
