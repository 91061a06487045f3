"""What a reward is: a judge of completions with TRL's signature, and a richer method behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rewards.models.prompts import Message, Text
from verifiers import Step

__all__ = ["Message", "Reward", "RewardBroken", "Scores", "Text", "text_of"]


@dataclass(frozen=True)
class Scores:
    """What a reward says of a batch of B completions.

    Attributes:
        values: B numbers, None where the reward abstains.
        steps: B tuples of steps with spans in the completion's characters; empty tuples where there are none.
        columns: extra columns for the table of completions, each of length B.
        failures: row → error, for rows on which the reward broke; their value is None.
    """

    values: list[float | None]
    steps: list[tuple[Step, ...]] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)


class RewardBroken(Exception):
    """A reward failed on more of a batch than its error budget allows; names the reward, a prompt and the error."""


class Reward(ABC):
    """A reward module.

    Called as TRL calls reward functions, it gives one number a completion, None where it abstains. So each module
    works unchanged in a plain TRL trainer. `score` is the same judgement with all its parts.

    Attributes:
        name: the name in the config and in the logs.
        columns: columns the data must have.
        judges_steps: whether it gives step scores, so that it can be credited inside a completion.
        batch_timeout: seconds after which it ends a batch by itself, with what it has; None where it does not.
    """

    name: str
    columns: tuple[str, ...] = ()
    judges_steps: bool = False
    batch_timeout: float | None = None

    @abstractmethod
    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge a batch; every column is a list with one value a completion."""

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] = (),
        **columns: Any,
    ) -> list[float | None]:
        """The values alone, with TRL's reward signature."""
        return self.score(prompts, completions, completion_ids, **columns).values

    @property
    def __name__(self) -> str:
        """The name TRL logs under."""
        return self.name


def text_of(text: Text) -> str:
    """The text itself: a string as it is, of chat messages the last one's content."""
    return text if isinstance(text, str) else text[-1]["content"]
