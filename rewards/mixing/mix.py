"""Several rewards as one number a completion, with each one's abstentions and failures kept apart.

How values are put together is in `rewards/mixing/aggregate.py`; an abstaining reward is left out and never counts as 0.
Where all abstain the mix abstains too (None), and TRL leaves the completion out of its group's baseline.

A reward that raises is tried once more. Then it abstains on the whole batch, and that counts as failed; so does one
that gives no answer in time. Past the error budget the run stops with the reward, a prompt and the error.
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
    centred,
    gated,
    groups_of,
    normalised,
    share_without_signal,
    variance_shares,
    weighted_product,
    weighted_sum,
)
from rewards.mixing.schedule import Weight
from rewards.mixing.time_limit import OutOfTime, bounded
from rewards.parts.settings import one_of
from rewards.reward import Reward, RewardBroken, Scores, Text, question_of
from verifiers import Step
from verifiers.execution.sandbox.outcome import SandboxUnavailable

AGGREGATIONS = ("sum", "normalise_then_sum", "product", "gated")


@dataclass(frozen=True)
class Credited:
    """The step scores of one reward, for credit inside the completion.

    Attributes:
        rule: `sum`, `min` or `first_error`.
        weight: the reward's weight at this step of training.
        steps: B tuples of steps; empty where the reward abstains, failed, or the gate did not pass.
    """

    rule: str
    weight: float
    steps: list[tuple[Step, ...]]


@dataclass(frozen=True)
class Mixed(Scores):
    """What a mix says of a batch of B completions.

    Attributes:
        values: B numbers over all rewards, None where all abstain; what a plain TRL trainer is given.
        outcome: B numbers over the rewards without a credit rule, None where all of those abstain or there are none.
        credited: reward name → its step scores, for the rewards that have a credit rule.
        parts: reward name → its scores.
    """

    outcome: list[float | None] = field(default_factory=list)
    credited: dict[str, Credited] = field(default_factory=dict)
    parts: dict[str, Scores] = field(default_factory=dict)


class Mix(Reward):
    """Several rewards as one; itself a TRL reward function.

    Logged of each reward under `rewards/NAME/`: `mean`, `std`, `no_signal` (share of groups, that is of consecutive
    rows with the same prompt, in which it says the same of all), `abstained`, `failed`, `seconds`, `weight` where it
    changes, and `variance_share`, its share of the advantage's variance (not for a product, which does not add up).
    Its values go to the table of completions.

    Args:
        rewards: the rewards, each with its own name.
        weights: reward name → weight, a number or `[[step, weight], …]`.
        credits: reward name → its credit rule, for rewards whose step scores count inside the completion. Step scores
            are not normalised by `normalise_then_sum`.
        error_budget: share of a batch that one reward may fail on before the run stops.
        aggregation: `sum`, `normalise_then_sum`, `product` or `gated`.
        gate: with `gated`, the reward that has to pass.
        gate_at: the least value with which it passes.
        timeout: seconds that one reward may take over a batch. Past them it failed on the whole batch, which the error
            budget may allow once; the second time stops the run, since a thread that hangs cannot be ended.

    Attributes:
        last: what the last call said, with the parts that TRL's reward signature has no room for.

    Raises:
        ValueError: a gate that is none of the rewards, weights and credit that the aggregation cannot have, or a reward
            that may take as long over a batch as the timeout.
    """

    name = "mix"
    last: Mixed

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
    ) -> None:
        self.rewards = tuple(rewards)
        self.weights = {name: schedule.checked(weight) for name, weight in weights.items()}
        self.credits = dict(credits or {})
        self.error_budget = error_budget
        self.aggregation = one_of("aggregation", aggregation, AGGREGATIONS)
        self.gate, self.gate_at, self.timeout = gate, gate_at, timeout
        self.columns = tuple(dict.fromkeys(column for reward in rewards for column in reward.columns))
        self._step = 0
        self._hung: set[str] = set()
        for reward in rewards:
            if reward.batch_timeout is not None and reward.batch_timeout >= timeout:
                raise ValueError(
                    f"timeout: {timeout:g} s is no more than the batch_timeout of {reward.name!r}, "
                    f"{reward.batch_timeout:g} s, so the mix would give up before it says what it has; set it above"
                )
        if aggregation == "gated":
            one_of("gate", gate, self.weights)
        elif gate is not None:
            raise ValueError(f"gate: is read with aggregation: gated, not with {aggregation}")
        if aggregation == "product":
            for name, weight in self.weights.items():
                if min([weight] if isinstance(weight, float) else [w for _, w in weight]) < 0:  # type: ignore[misc]
                    raise ValueError(f"{name}: a product has no negative weights, got {weight}")
            for name in self.credits:
                raise ValueError(f"{name}: a factor of a product cannot be credited inside the completion")

    def weights_now(self) -> dict[str, float]:
        """Reward name → weight at the step of training of the last call."""
        return {name: schedule.at(weight, self._step) for name, weight in self.weights.items()}

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Mixed:
        """Score with every reward and mix.

        Raises:
            RewardBroken: one failed on a larger share of the batch than the error budget, or hung a second time.
            ValueError: a product has a negative factor.
        """
        log_metric: Callable[[str, float], None] = columns.get("log_metric") or (lambda name, value: None)
        log_extra: Callable[[str, list], None] = columns.get("log_extra") or (lambda name, values: None)
        self._step = getattr(columns.get("trainer_state"), "global_step", 0)
        groups = groups_of(prompts)
        parts: dict[str, Scores] = {}
        for reward in self.rewards:
            started = time.perf_counter()
            scores = self._scored(reward, prompts, completions, completion_ids, columns)
            self._hold_to_budget(reward, scores, prompts)
            parts[reward.name] = scores
            for statistic, value in _statistics(scores, groups).items():
                log_metric(f"rewards/{reward.name}/{statistic}", value)
            log_metric(f"rewards/{reward.name}/seconds", time.perf_counter() - started)
            log_extra(reward.name, scores.values)
            for column, values in scores.columns.items():
                log_extra(f"{reward.name}.{column}", values)
        self.last = self._mixed(parts, groups)
        for name, share in self._variance_shares(groups).items():
            log_metric(f"rewards/{name}/variance_share", share)
        for name, weight in self.weights.items():
            if not isinstance(weight, float):
                log_metric(f"rewards/{name}/weight", schedule.at(weight, self._step))
        return self.last

    def _mixed(self, parts: Mapping[str, Scores], groups: Sequence[slice]) -> Mixed:
        values = self._comparable({name: scores.values for name, scores in parts.items()}, groups)
        size = len(next(iter(parts.values())).values)
        passed = [self._counts(values, row) for row in range(size)]
        weights = self.weights_now()
        credited = {}
        for name, rule in self.credits.items():
            steps = parts[name].steps or [()] * size
            shown = [steps[row] if name == self.gate or passed[row] else () for row in range(size)]
            credited[name] = Credited(rule, weights[name], shown)
        return Mixed(
            self._aggregated(values),
            columns={name: scores.values for name, scores in parts.items()},
            outcome=self._aggregated(values, leave_out=self.credits),
            credited=credited,
            parts=dict(parts),
        )

    def _comparable(
        self, values: Mapping[str, list[float | None]], groups: Sequence[slice]
    ) -> dict[str, list[float | None]]:
        if self.aggregation != "normalise_then_sum":
            return dict(values)
        return {name: normalised(reward, groups) for name, reward in values.items()}

    def _counts(self, values: Mapping[str, Sequence[float | None]], row: int) -> bool:
        """Whether the rewards other than the gate count on a completion."""
        if self.aggregation != "gated":
            return True
        assert self.gate is not None
        value = values[self.gate][row]
        return value is not None and value >= self.gate_at

    def _aggregated(
        self, values: Mapping[str, Sequence[float | None]], leave_out: Mapping[str, str] | None = None
    ) -> list[float | None]:
        weights = {name: weight for name, weight in self.weights_now().items() if name not in (leave_out or {})}
        if not weights:
            return [None] * len(next(iter(values.values())))
        if self.aggregation == "gated":
            assert self.gate is not None
            # a gate whose own steps are credited is no part of the outcome, and still gates it
            weights = {self.gate: 0.0, **weights}
            rows = [dict(zip(weights, row, strict=True)) for row in zip(*(values[n] for n in weights), strict=True)]
            return [gated(row, weights, self.gate, self.gate_at) for row in rows]
        combine = weighted_product if self.aggregation == "product" else weighted_sum
        return [combine(row, list(weights.values())) for row in zip(*(values[n] for n in weights), strict=True)]

    def _variance_shares(self, groups: Sequence[slice]) -> dict[str, float]:
        if self.aggregation == "product":
            return {}
        values = self._comparable({name: scores.values for name, scores in self.last.parts.items()}, groups)
        contributions = {}
        for name, weight in self.weights_now().items():
            counting: list[float | None] = list(values[name])
            if self.aggregation == "gated" and name != self.gate:
                counting = [value if self._counts(values, row) else 0.0 for row, value in enumerate(counting)]
            contributions[name] = weight * centred(counting, groups)
        return variance_shares(contributions)

    def _scored(
        self,
        reward: Reward,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Any],
    ) -> Scores:
        """The reward's scores; failures for the whole batch where it raised twice or hung. A NaN is a failure too."""
        for attempt in (1, 2):
            try:
                call = lambda: reward.score(prompts, completions, completion_ids, **columns)  # noqa: E731
                scores = bounded(call, self.timeout)
                if len(scores.values) != len(completions):
                    raise ValueError(f"{len(scores.values)} values for {len(completions)} completions")
                break
            except SandboxUnavailable:  # nothing that trying again could mend
                raise
            except OutOfTime as error:
                failure = f"{error} (mix.timeout)"
                if reward.name in self._hung:
                    raise RewardBroken(
                        f"reward {reward.name!r} hung a second time: {failure}; on a batch of {len(completions)} "
                        f"whose first prompt is {question_of(prompts[0])[:200]!r}"
                    ) from None
                self._hung.add(reward.name)
                return Scores([None] * len(completions), failures=dict.fromkeys(range(len(completions)), failure))
            except Exception as error:  # anybody's code: what broke is named, counted and held to a budget
                if attempt == 2:
                    failure = f"{type(error).__name__}: {error}"
                    return Scores([None] * len(completions), failures=dict.fromkeys(range(len(completions)), failure))
        broken = {r: f"the value is {v}" for r, v in enumerate(scores.values) if v is not None and not math.isfinite(v)}
        if not broken:
            return scores
        values = [None if row in broken else value for row, value in enumerate(scores.values)]
        steps = [() if row in broken else steps for row, steps in enumerate(scores.steps)]
        return Scores(values, steps, scores.columns, {**scores.failures, **broken})

    def _hold_to_budget(self, reward: Reward, scores: Scores, prompts: Sequence[Text]) -> None:
        if len(scores.failures) > self.error_budget * len(scores.values):
            row, error = next(iter(scores.failures.items()))
            raise RewardBroken(
                f"reward {reward.name!r} failed on {len(scores.failures)} of {len(scores.values)} completions, more "
                f"than mix.error_budget allows ({self.error_budget:.0%}); the first: {error}; on the prompt: "
                f"{question_of(prompts[row])[:200]!r}"
            )


def _statistics(scores: Scores, groups: Sequence[slice]) -> dict[str, float]:
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
