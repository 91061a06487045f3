r"""Several rewards as one number a completion, with each one's abstentions and failures kept apart.

With weights $w_i$ and the set $P$ of rewards that did not abstain on a completion,

$$ r = \frac{\sum_i |w_i|}{\sum_{i \in P} |w_i|} \sum_{i \in P} w_i r_i $$

so an abstaining reward is left out and the others keep its share; it does not count as 0. Where all abstain the mix
abstains too (None), and TRL leaves the completion out of its group's baseline.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rewards.reward import Reward, RewardBroken, Scores, Text, text_of
from verifiers import Step
from verifiers.sandbox.outcome import SandboxUnavailable


@dataclass(frozen=True)
class Credited:
    """The step scores of one reward, for credit inside the completion.

    Attributes:
        rule: `sum`, `min` or `first_error`.
        weight: the reward's weight at this step of training.
        steps: B tuples of steps; empty where the reward abstains or failed.
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
    """A weighted sum of rewards; itself a TRL reward function.

    A reward that raises is tried once more; then it abstains on the whole batch, and that counts as failed. Each
    reward's mean, std, share abstained, share failed and seconds go to the logs under `rewards/NAME/`, its values to
    the table of completions.

    Args:
        rewards: the rewards, each with its own name.
        weights: reward name → weight.
        credits: reward name → its credit rule, for rewards whose step scores count inside the completion.
        error_budget: share of a batch that one reward may fail on before the run stops.

    Attributes:
        last: what the last call said, with the parts that TRL's reward signature has no room for.
    """

    name = "mix"
    last: Mixed

    def __init__(
        self,
        rewards: Sequence[Reward],
        weights: Mapping[str, float],
        credits: Mapping[str, str] | None = None,
        error_budget: float = 0.2,
    ) -> None:
        self.rewards = tuple(rewards)
        self.weights = dict(weights)
        self.credits = dict(credits or {})
        self.error_budget = error_budget
        self.columns = tuple(dict.fromkeys(column for reward in rewards for column in reward.columns))

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Mixed:
        """Score with every reward and mix.

        Raises:
            RewardBroken: one failed on a larger share of the batch than the error budget.
        """
        log_metric: Callable[[str, float], None] = columns.pop("log_metric", None) or (lambda name, value: None)
        log_extra: Callable[[str, list], None] = columns.pop("log_extra", None) or (lambda name, values: None)
        parts: dict[str, Scores] = {}
        for reward in self.rewards:
            started = time.perf_counter()
            scores = _scored(reward, prompts, completions, completion_ids, columns)
            self._hold_to_budget(reward, scores, prompts)
            parts[reward.name] = scores
            for statistic, value in _statistics(scores).items():
                log_metric(f"rewards/{reward.name}/{statistic}", value)
            log_metric(f"rewards/{reward.name}/seconds", time.perf_counter() - started)
            log_extra(reward.name, scores.values)
            for column, values in scores.columns.items():
                log_extra(f"{reward.name}.{column}", values)
        self.last = Mixed(
            self._mixed(parts),
            columns={name: scores.values for name, scores in parts.items()},
            outcome=self._mixed({name: scores for name, scores in parts.items() if name not in self.credits}),
            credited={
                name: Credited(rule, self.weights[name], parts[name].steps or [()] * len(completions))
                for name, rule in self.credits.items()
            },
            parts=parts,
        )
        return self.last

    def _mixed(self, parts: Mapping[str, Scores]) -> list[float | None]:
        weights = [self.weights[name] for name in parts]
        return [weighted_sum(row, weights) for row in zip(*(scores.values for scores in parts.values()), strict=True)]

    def _hold_to_budget(self, reward: Reward, scores: Scores, prompts: Sequence[Text]) -> None:
        if len(scores.failures) > self.error_budget * len(scores.values):
            row, error = next(iter(scores.failures.items()))
            raise RewardBroken(
                f"reward {reward.name!r} failed on {len(scores.failures)} of {len(scores.values)} completions, more "
                f"than mix.error_budget allows ({self.error_budget:.0%}); the first: {error}; on the prompt: "
                f"{text_of(prompts[row])[:200]!r}"
            )


def weighted_sum(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """The weighted sum of those that are there, scaled up to the weight of all; None where none is."""
    present = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    share = sum(abs(weight) for _, weight in present)
    if not present or share == 0:
        return None if not present else 0.0
    return sum(abs(weight) for weight in weights) / share * sum(value * weight for value, weight in present)


def _scored(
    reward: Reward,
    prompts: Sequence[Text],
    completions: Sequence[Text],
    completion_ids: Sequence[Sequence[int]],
    columns: Any,
) -> Scores:
    """The reward's scores, or where it raised twice, failures for the whole batch. A value that is no number fails."""
    for attempt in (1, 2):
        try:
            scores = reward.score(prompts, completions, completion_ids, **columns)
            break
        except SandboxUnavailable:  # nothing that trying again could mend
            raise
        except Exception as error:  # a reward may be anybody's code: what broke is named, counted and held to a budget
            if attempt == 2:
                failure = f"{type(error).__name__}: {error}"
                return Scores([None] * len(completions), failures=dict.fromkeys(range(len(completions)), failure))
    broken = {r: f"the value is {v}" for r, v in enumerate(scores.values) if v is not None and not math.isfinite(v)}
    if not broken:
        return scores
    values = [None if row in broken else value for row, value in enumerate(scores.values)]
    return Scores(values, scores.steps, scores.columns, {**scores.failures, **broken})


def _statistics(scores: Scores) -> dict[str, float]:
    count = len(scores.values)
    present = [value for value in scores.values if value is not None]
    statistics = {
        "abstained": (count - len(present) - len(scores.failures)) / count,
        "failed": len(scores.failures) / count,
    }
    if present:
        statistics |= {"mean": float(np.mean(present)), "std": float(np.std(present))}
    return statistics
