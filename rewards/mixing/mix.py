"""Several rewards as one number for each completion, with each one's abstentions and failures kept apart.

How values are put together, and what an abstention counts as, is in `rewards/mixing/aggregate.py`. Weights, the gate
and abstentions are decided here and nowhere else: a `Judgement` says what each reward contributes to each completion.

A reward that raises is tried once more. Then it abstains on the whole batch, and that counts as failed; so does one
that gives no answer in time. Past the error budget the run stops with the reward, a prompt and the error.
"""

from __future__ import annotations

import copy
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
    product,
    share_without_signal,
    variance_shares,
)
from rewards.mixing.schedule import Weight
from rewards.mixing.time_limit import OutOfTime, bounded
from rewards.parts.settings import one_of
from rewards.reward import Reward, RewardBroken, Scores, Text, question_of
from rewards.sample import Judgement
from verifiers import Status
from verifiers.execution.sandbox.outcome import SandboxUnavailable

AGGREGATIONS = ("sum", "normalise_then_sum", "product", "gated")


@dataclass(frozen=True)
class Mixed(Scores):
    """What a mix says of a batch of B completions.

    Attributes:
        values: B numbers over all rewards, None where nothing is known; what a plain TRL trainer is given.
        parts: reward name → its scores.
        judgements: of each completion, reward name → what it says and how it counts.
    """

    parts: dict[str, Scores] = field(default_factory=dict)
    judgements: list[dict[str, Judgement]] = field(default_factory=list)


class Mix(Reward):
    """Several rewards as one; itself a TRL reward function.

    Logged for each reward under `rewards/NAME/`: `mean`, `std`, `no_signal` (share of groups, that is of rows with the
    same prompt, in which it has the same value for all), `abstained`, `failed`, `seconds`, `weight` where it changes,
    and `variance_share`, its share of the advantage's variance (not for a product, which does not add up). Its values
    go to the table of completions.

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

    Raises:
        ValueError: a gate that is none of the rewards, weights and credit that the aggregation cannot have, or a reward
            that may take as long over a batch as the timeout.
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
    ) -> None:
        self.rewards = tuple(rewards)
        self.weights = {name: schedule.checked(weight) for name, weight in weights.items()}
        self.credits = dict(credits or {})
        self.error_budget = error_budget
        self.aggregation = one_of("aggregation", aggregation, AGGREGATIONS)
        self.gate, self.gate_at, self.timeout = gate, gate_at, timeout
        self.columns = tuple(dict.fromkeys(column for reward in rewards for column in reward.columns))
        self._hung: set[str] = set()
        for reward in rewards:
            if timeout <= reward.batch_timeout < math.inf:
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

    def weights_at(self, step: int) -> dict[str, float]:
        """Reward name → weight at a step of training."""
        return {name: schedule.at(weight, step) for name, weight in self.weights.items()}

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
        weights = self.weights_at(getattr(columns.get("trainer_state"), "global_step", 0))
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
        mixed = self._mixed(parts, weights, groups)
        for name, share in self._variance_shares(parts, weights, groups).items():
            log_metric(f"rewards/{name}/variance_share", share)
        for name, weight in self.weights.items():
            if not isinstance(weight, float):
                log_metric(f"rewards/{name}/weight", weights[name])
        return mixed

    def _mixed(self, parts: Mapping[str, Scores], weights: Mapping[str, float], groups: Groups) -> Mixed:
        """What each reward contributes to each completion, and their sum or product."""
        values = self._comparable(parts, groups)
        known = counting(values, weights)
        if self.gate is not None:  # below a closed gate the gate's own share is all there is to know
            gate = values[self.gate]
            known = [v is not None and (v < self.gate_at or yes) for v, yes in zip(gate, known, strict=True)]
        neutral = 1.0 if self.aggregation == "product" else 0.0
        numbers = {name: filled(of_reward, groups, neutral) for name, of_reward in values.items()}
        if self.aggregation == "product":
            totals = product(numbers, weights)
            contributions = {name: [None] * len(known) for name in parts}
            effective = {name: [weights[name]] * len(known) for name in parts}
        else:
            effective = {name: self._effective(name, weights[name], values) for name in parts}
            contributions = {
                name: [weight * number for weight, number in zip(effective[name], numbers[name], strict=True)]
                for name in parts
            }
            totals = [sum(row) for row in zip(*contributions.values(), strict=True)]
        judgements = [
            {
                name: Judgement(
                    value=scores.values[row],
                    status=_status(scores, row),
                    weight=effective[name][row],
                    contribution=contributions[name][row] if known[row] else None,
                    steps=scores.steps[row] if scores.steps and effective[name][row] == weights[name] else (),
                )
                for name, scores in parts.items()
            }
            for row in range(len(known))
        ]
        columns = {name: scores.values for name, scores in parts.items()}
        mixed_values = [total if yes else None for total, yes in zip(totals, known, strict=True)]
        return Mixed(mixed_values, columns=columns, parts=dict(parts), judgements=judgements)

    def _comparable(self, parts: Mapping[str, Scores], groups: Groups) -> dict[str, Values]:
        if self.aggregation != "normalise_then_sum":
            return {name: scores.values for name, scores in parts.items()}
        return {name: normalised(scores.values, groups) for name, scores in parts.items()}

    def _effective(self, name: str, weight: float, values: Mapping[str, Values]) -> list[float]:
        """A reward's weight on each completion: 0 where the gate is not passed, except for the gate itself."""
        if self.gate is None or name == self.gate:
            return [weight] * len(values[name])
        return [weight if value is not None and value >= self.gate_at else 0.0 for value in values[self.gate]]

    def _variance_shares(
        self, parts: Mapping[str, Scores], weights: Mapping[str, float], groups: Groups
    ) -> dict[str, float]:
        if self.aggregation == "product":
            return {}
        values = self._comparable(parts, groups)
        contributions = {}
        for name in parts:
            effective = self._effective(name, weights[name], values)
            open_gate: Values = [v if weight else 0.0 for v, weight in zip(values[name], effective, strict=True)]
            contributions[name] = weights[name] * centred(open_gate, groups)
        return variance_shares(contributions)

    def _scored(
        self,
        reward: Reward,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Any],
    ) -> Scores:
        """The reward's scores; failures for the whole batch where it raised twice or hung."""
        failure = ""
        for _ in range(2):
            try:
                return _finite(self._asked(reward, prompts, completions, completion_ids, columns))
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
                break
            except Exception as error:  # anybody's code: what broke is named, counted and held to a budget
                failure = f"{type(error).__name__}: {error}"
        return Scores([None] * len(completions), failures=dict.fromkeys(range(len(completions)), failure))

    def _asked(
        self,
        reward: Reward,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Any],
    ) -> Scores:
        """The reward's scores of copies of the batch, so that no reward changes what another one sees."""
        given = _copies(prompts), _copies(completions), _copies(completion_ids)
        own = {name: _copies(of_column) for name, of_column in columns.items()}
        scores = bounded(lambda: reward.score(*given, **own), self.timeout)
        if len(scores.values) != len(completions):
            raise ValueError(f"{len(scores.values)} values for {len(completions)} completions")
        return scores

    def _hold_to_budget(self, reward: Reward, scores: Scores, prompts: Sequence[Text]) -> None:
        if len(scores.failures) > self.error_budget * len(scores.values):
            row, error = next(iter(scores.failures.items()))
            raise RewardBroken(
                f"reward {reward.name!r} failed on {len(scores.failures)} of {len(scores.values)} completions, more "
                f"than mix.error_budget allows ({self.error_budget:.0%}); the first: {error}; on the prompt: "
                f"{question_of(prompts[row])[:200]!r}"
            )


def _status(scores: Scores, row: int) -> Status:
    if scores.values[row] is not None:
        return "judged"
    return "failed" if row in scores.failures else "abstained"


def _finite(scores: Scores) -> Scores:
    """The scores, with each value that is infinite or not a number as a failure of its row."""
    broken = {r: f"the value is {v}" for r, v in enumerate(scores.values) if v is not None and not math.isfinite(v)}
    if not broken:
        return scores
    values = [None if row in broken else value for row, value in enumerate(scores.values)]
    steps = [() if row in broken else steps for row, steps in enumerate(scores.steps)]
    return Scores(values, steps, scores.columns, {**scores.failures, **broken})


def _copies(values: Any) -> Any:
    """A list of the reward's own, so that one that changes what it is given changes nothing for the others."""
    if not isinstance(values, list | tuple):
        return values
    return [_copy(value) for value in values]


def _copy(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, list) and all(isinstance(item, int) for item in value):  # token ids, of which there are many
        return value.copy()
    return copy.deepcopy(value)


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
