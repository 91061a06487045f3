"""Combines several rewards into one number per completion, and keeps each one's abstentions and failures.

`rewards/mixing/aggregate.py` has the formulas, and how an abstention counts. This is the only module that applies
weights, the gate and the treatment of abstentions: a `Judgement` has each reward's contribution to a completion.
`rewards/mixing/run.py` runs a single reward, and handles one that raises or hangs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rewards.mixing import schedule
from rewards.mixing.aggregate import (
    Groups,
    Values,
    centred,
    counting,
    filled,
    groups_of,
    normalised,
    powers,
    share_without_signal,
    variance_shares,
    where,
)
from rewards.mixing.run import LARGEST, Runner, hold_to_budget
from rewards.mixing.schedule import Weight
from rewards.parts.rationale import RationaleLayout
from rewards.parts.settings import one_of
from rewards.reward import Reward, Scores, Text, text_of
from rewards.sample import Judgement
from verifiers import Status

AGGREGATIONS = ("sum", "normalise_then_sum", "product", "gated")


@dataclass(frozen=True)
class Mixed(Scores):
    """The combined scores of a batch of B completions.

    Attributes:
        values: B combined rewards, None where no reward could judge; a plain TRL trainer gets these.
        parts: reward name → its scores.
        judgements: for each completion, reward name → judgement.
    """

    parts: dict[str, Scores] = field(default_factory=dict)
    judgements: list[dict[str, Judgement]] = field(default_factory=list)


class Mix(Reward):
    """Several rewards as one, which is itself a TRL reward function.

    For each reward these figures are logged under `rewards/NAME/`: `mean`, `std`, `no_signal` (the share of groups,
    that is, rows with the same prompt, in which all values are equal), `abstained`, `failed`, `seconds`, `weight` if it
    changes, and `variance_share`, its share of the advantage's variance (except for a product, which is not a sum). The
    values are added to the table of completions.

    Args:
        rewards: the rewards, with distinct names.
        weights: reward name → weight, a number or `[[step, weight], …]`.
        credits: reward name → credit rule, for rewards whose step scores count within the completion. Step scores are
            not normalised by `normalise_then_sum`.
        rationales: reward name → how a completion is split, for rewards that are credited to the rationale alone.
        error_budget: share of a batch on which a reward may fail; beyond it the run stops.
        aggregation: `sum`, `normalise_then_sum`, `product` or `gated`.
        gate: with `gated`, the reward that must pass.
        gate_at: the lowest value with which the gate passes.
        timeout: time limit of a reward for a batch, in seconds. A reward that exceeds it fails on the whole batch,
            which the error budget may allow; the second time the run stops, because a thread that hangs cannot be
            ended.

    Raises:
        ValueError: the gate is not one of the rewards, weights or credit do not go with the aggregation, or a reward's
            own time limit is not below the timeout.
    """

    name = "mix"

    def __init__(
        self,
        rewards: Sequence[Reward],
        weights: Mapping[str, Weight],
        credits: Mapping[str, str] | None = None,
        error_budget: float = 0.2,
        *,
        aggregation: str = "sum",
        gate: str | None = None,
        gate_at: float = 0.5,
        timeout: float = 300.0,
        rationales: Mapping[str, RationaleLayout] | None = None,
    ) -> None:
        self.rewards = tuple(rewards)
        self.weights = {name: schedule.checked(weight) for name, weight in weights.items()}
        self.credits, self.rationales = dict(credits or {}), dict(rationales or {})
        self.error_budget = error_budget
        self.aggregation = one_of("aggregation", aggregation, AGGREGATIONS)
        self.gate, self.gate_at = gate, gate_at
        self.columns = tuple(dict.fromkeys(column for reward in rewards for column in reward.columns))
        self._runner = Runner(timeout)
        for reward in rewards:
            if timeout <= reward.batch_timeout < math.inf:
                raise ValueError(
                    f"timeout: {timeout:g} s is no more than the batch_timeout of {reward.name!r}, "
                    f"{reward.batch_timeout:g} s, so the mix would stop before the reward returns; set a longer timeout"
                )
        if aggregation == "gated":
            one_of("gate", gate, self.weights)
        elif gate is not None:
            raise ValueError(f"gate: has an effect only with aggregation: gated, not with {aggregation}")
        if aggregation == "product":
            for name, weight in self.weights.items():
                if min(schedule.values(weight)) < 0:
                    raise ValueError(f"{name}: a product has no negative weights, got {weight}")
            for name in (*self.credits, *self.rationales):
                raise ValueError(f"{name}: a factor of a product cannot be credited inside the completion")

    def weights_at(self, step: int) -> dict[str, float]:
        """The weights at a step of training: reward name → weight."""
        return {name: schedule.at(weight, step) for name, weight in self.weights.items()}

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Mixed:
        """Score with every reward, and combine the results.

        Raises:
            RewardBroken: a reward failed on a larger share of the batch than the error budget, or hung a second time.
            ValueError: a product has a negative factor, or a combined reward is too large for training.
        """
        log_metric: Callable[[str, float], None] = columns.get("log_metric") or (lambda name, value: None)
        log_extra: Callable[[str, list], None] = columns.get("log_extra") or (lambda name, values: None)
        weights = self.weights_at(getattr(columns.get("trainer_state"), "global_step", 0))
        groups = groups_of(prompts)
        parts: dict[str, Scores] = {}
        self._runner.next_batch()
        for reward in self.rewards:
            started = time.perf_counter()
            scores = self._runner.run(reward, prompts, completions, completion_ids, columns)
            hold_to_budget(reward, scores, prompts, self.error_budget)
            parts[reward.name] = scores
            for statistic, value in _statistics(scores, groups).items():
                log_metric(f"rewards/{reward.name}/{statistic}", value)
            log_metric(f"rewards/{reward.name}/seconds", time.perf_counter() - started)
            log_extra(f"rewards/{reward.name}", scores.values)
            for column, values in scores.columns.items():
                log_extra(f"rewards/{reward.name}.{column}", values)
        mixed = self._mixed(parts, weights, groups, completions)
        contributions = {
            name: centred([judgements[name].contribution for judgements in mixed.judgements], groups) for name in parts
        }
        for name, share in variance_shares(contributions).items():
            log_metric(f"rewards/{name}/variance_share", share)
        for name in self.rationales:
            marked = [judgements[name].until is not None for judgements in mixed.judgements]
            log_metric(f"rewards/{name}/marked", sum(marked) / len(marked))
        for name, weight in self.weights.items():
            if not isinstance(weight, float):
                log_metric(f"rewards/{name}/weight", weights[name])
        return mixed

    def _mixed(
        self,
        parts: Mapping[str, Scores],
        weights: Mapping[str, float],
        groups: Groups,
        completions: Sequence[Text],
    ) -> Mixed:
        """The contribution of each reward to each completion, and their sum or product."""
        values = self._comparable(parts, groups)
        passed = self._passed(values)
        known = self._known(values, weights, passed)
        rows = range(len(known))
        counts = {name: [name == self.gate or passed[row] for row in rows] for name in parts}
        effective = {name: [weights[name] if counts[name][row] else 0.0 for row in rows] for name in parts}
        contributions: dict[str, list[float | None]]
        if self.aggregation == "product":
            factors = {name: filled(powers(name, of, weights[name]), groups, 1.0) for name, of in values.items()}
            contributions = {name: [None for _ in rows] for name in parts}
            totals = [math.prod(factors[name][row] for name in factors) for row in rows]
        else:
            numbers = {name: filled(where(counts[name], of), groups) for name, of in values.items()}
            terms = {name: [effective[name][row] * numbers[name][row] for row in rows] for name in parts}
            contributions = {name: [terms[name][row] if known[row] else None for row in rows] for name in parts}
            totals = [sum(terms[name][row] for name in parts) for row in rows]
        mixed = [totals[row] if known[row] else None for row in rows]
        if too_large := next((value for value in mixed if value is not None and not abs(value) <= LARGEST), None):
            raise ValueError(
                f"the rewards {', '.join(parts)} together give {too_large:g}, and the largest allowed reward is "
                f"{LARGEST:g}; make their weights smaller"
            )
        judgements = self._judgements(parts, weights, effective, contributions, completions)
        columns = {name: scores.values for name, scores in parts.items()}
        return Mixed(mixed, columns=columns, parts=dict(parts), judgements=judgements)

    def _judgements(
        self,
        parts: Mapping[str, Scores],
        weights: Mapping[str, float],
        effective: Mapping[str, Sequence[float]],
        contributions: Mapping[str, Sequence[float | None]],
        completions: Sequence[Text],
    ) -> list[dict[str, Judgement]]:
        """For each completion, reward name → judgement; a closed gate leaves out scores of steps and tokens.

        Args:
            parts: reward name → its scores.
            weights: reward name → its weight.
            effective: reward name → its weight in each completion, 0 where a gate is closed.
            contributions: reward name → what it adds to each completion's reward.
            completions: B completions.
        """
        until = {
            name: [layout.until(text_of(completion)) for completion in completions]
            for name, layout in self.rationales.items()
        }
        return [
            {
                name: Judgement(
                    value=scores.values[row],
                    status=_status(scores, row),
                    weight=effective[name][row],
                    contribution=contributions[name][row],
                    steps=scores.steps[row] if scores.steps and effective[name][row] == weights[name] else (),
                    tokens=scores.tokens[row] if scores.tokens and effective[name][row] == weights[name] else (),
                    until=until[name][row] if name in until else None,
                )
                for name, scores in parts.items()
            }
            for row in range(len(completions))
        ]

    def _comparable(self, parts: Mapping[str, Scores], groups: Groups) -> dict[str, Values]:
        if self.aggregation != "normalise_then_sum":
            return {name: scores.values for name, scores in parts.items()}
        return {name: normalised(scores.values, groups) for name, scores in parts.items()}

    def _passed(self, values: Mapping[str, Values]) -> list[bool]:
        """Whether the rewards other than the gate count, for each completion."""
        if self.gate is None:
            return [True] * len(next(iter(values.values())))
        return [value is not None and value >= self.gate_at for value in values[self.gate]]

    def _known(self, values: Mapping[str, Values], weights: Mapping[str, float], passed: Sequence[bool]) -> list[bool]:
        """Whether each completion has a reward: a reward that counts judged it, and so did the gate."""
        known = counting(values, weights)
        if self.gate is None:
            return known
        gate = values[self.gate]  # below it the gate's own share is the whole reward
        return [gate[row] is not None and (not passed[row] or known[row]) for row in range(len(known))]


def _status(scores: Scores, row: int) -> Status:
    if scores.values[row] is not None:
        return "judged"
    return "failed" if row in scores.failures else "abstained"


def _statistics(scores: Scores, groups: Groups) -> dict[str, float]:
    count = len(scores.values)
    present = [value for value in scores.values if value is not None]
    statistics = {
        "abstained": (count - len(present) - len(scores.failures)) / count,
        "failed": len(scores.failures) / count,
        "no_signal": share_without_signal(scores.values, groups),
    }
    if present:
        statistics |= {"mean": float(np.mean(present)), "std": float(np.std(present))}
    return statistics
