"""Runs one reward on a batch: on copies of the data, with a time limit, a second attempt and an error budget.

A reward that raises an exception is called once more. If it raises again, or does not return in time, it has failed on
the whole batch. Beyond the error budget the run stops, with the name of the reward, a prompt and the error.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewards.mixing.logs import Logs
from rewards.mixing.surroundings import kept
from rewards.mixing.time_limit import OutOfTime, bounded
from rewards.reward import Reward, RewardBroken, Scores, Text, question_of
from verifiers.execution.sandbox.outcome import SandboxUnavailable

LARGEST = 1e18
"""Largest absolute value of a reward. Squares of much larger values overflow in float32, in which trainers compute."""


class Runner:
    """Runs rewards, and remembers which of them have hung.

    Args:
        timeout: time limit of a reward for a batch, in seconds. A reward that exceeds it fails on the whole batch; the
            second time is an error, because a thread that hangs cannot be ended.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._hung: set[str] = set()
        self._columns: list[str] = []

    def next_batch(self) -> None:
        """Forget what columns rewards have logged so far."""
        self._columns = []

    def run(
        self,
        reward: Reward,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Any],
    ) -> Scores:
        """The scores of a reward for a batch; failures for the whole batch if it raised twice or hung.

        Args:
            reward: the reward.
            prompts: B prompts.
            completions: B completions.
            completion_ids: their token ids.
            columns: the other keyword arguments, including a list of B values for each column of the data.

        Raises:
            RewardBroken: the reward hung a second time.
            SandboxUnavailable: there is no sandbox, so a second attempt would fail as well.
        """
        failure = ""
        for _ in range(2):
            try:
                # copies, so that a reward cannot change what the others get
                given = _copies(prompts), _copies(completions), _copies(completion_ids)
                logs = Logs(columns, len(completions), self._columns)
                own = {name: _copies(column) for name, column in columns.items()} | logs.functions
                with kept():
                    scores = bounded(lambda given=given, own=own: reward.score(*given, **own), self.timeout)
                if len(scores.values) != len(completions):
                    raise ValueError(f"{len(scores.values)} values for {len(completions)} completions")
                logs.check()
                logs.pass_on(reward.name)
                self._columns += logs.extra
                return within_bounds(scores)
            except SandboxUnavailable:
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
            except Exception as error:  # a user's code may raise anything; errors count against the budget
                failure = f"{type(error).__name__}: {error}{_hint(error)}"
        return Scores([None] * len(completions), failures=dict.fromkeys(range(len(completions)), failure))


def hold_to_budget(reward: Reward, scores: Scores, prompts: Sequence[Text], budget: float) -> None:
    """Stop the run if a reward failed on too many completions of a batch.

    Args:
        reward: the reward.
        scores: its scores of B completions.
        prompts: B prompts, for the message.
        budget: the largest share of the batch on which it may fail.

    Raises:
        RewardBroken: it failed on a larger share.
    """
    if len(scores.failures) > budget * len(scores.values):
        row, error = next(iter(scores.failures.items()))
        raise RewardBroken(
            f"reward {reward.name!r} failed on {len(scores.failures)} of {len(scores.values)} completions, more "
            f"than mix.error_budget allows ({budget:.0%}); the first: {error}; on the prompt: "
            f"{question_of(prompts[row])[:200]!r}"
        )


def within_bounds(scores: Scores) -> Scores:
    """The scores, in which values that are NaN, infinite or larger than `LARGEST` become failures."""
    broken = {
        row: f"the value is {value:g}" + (f"; the largest allowed value is {LARGEST:g}" if math.isfinite(value) else "")
        for row, value in enumerate(scores.values)
        if value is not None and not abs(value) <= LARGEST
    }
    if not broken:
        return scores
    return replace(
        scores,
        values=[None if row in broken else value for row, value in enumerate(scores.values)],
        steps=[() if row in broken else steps for row, steps in enumerate(scores.steps)],
        tokens=[() if row in broken else tokens for row, tokens in enumerate(scores.tokens)],
        failures={**scores.failures, **broken},
    )


def _hint(error: Exception) -> str:
    """What else is known of an error: the line of the user's code that it came from, and what may help."""
    hints: list[str] = list(getattr(error, "__notes__", ()))
    if "signal only works in main thread" in str(error):
        hints.append("rewards run in threads of their own: remove signal.alarm and use mix.timeout instead")
    return f" ({'; '.join(hints)})" if hints else ""


def _copies(values: Any) -> Any:
    """A copy of a list, for one reward."""
    if not isinstance(values, list | tuple):
        return values
    return [_copy(value) for value in values]


def _copy(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, list) and all(isinstance(item, int) for item in value):  # token ids, of which there are many
        return value.copy()
    return copy.deepcopy(value)
