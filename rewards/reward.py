"""The base class of rewards, which are TRL reward functions with a method that returns more than values."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rewards.models.prompts import Message, Text
from verifiers import Step

__all__ = ["PASSED", "Message", "Reward", "RewardBroken", "Scores", "Text", "content_of", "question_of", "text_of"]


PASSED = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")
"""Keyword arguments that TRL passes to every reward function, in addition to the columns of the data."""


@dataclass(frozen=True)
class Scores:
    """A reward's judgement of a batch of B completions.

    Attributes:
        values: B numbers; None where the reward abstains.
        steps: B tuples of steps, whose spans are in characters of the completion; empty tuples for none.
        columns: additional columns for the table of completions, each of length B.
        failures: row → error, for rows on which the reward failed; their value is None.
        tokens: B tuples with one number per token of the completion; empty tuples for none.
    """

    values: list[float | None]
    steps: list[tuple[Step, ...]] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    tokens: list[tuple[float, ...]] = field(default_factory=list)


class RewardBroken(Exception):
    """A reward failed on more of a batch than the error budget allows; the message names it, a prompt and the error."""


class Reward(ABC):
    """A reward module.

    It can be called as TRL calls reward functions, and then returns one number per completion, or None where it
    abstains. So each module works unchanged in a plain TRL trainer. `score` returns the same judgement with all parts.

    Attributes:
        name: the name in the config and in the logs.
        columns: columns that the data must have.
        judges_steps: whether it gives step scores, so that it can be credited within a completion.
        judges_tokens: whether it scores each token, for `credit: token`.
        reads_prompt: whether it judges a completion as an answer to its prompt, and so needs the prompts.
        batch_timeout: seconds after which it ends a batch with the results it has; infinite if it does not.
    """

    name: str
    columns: tuple[str, ...] = ()
    judges_steps: bool = False
    judges_tokens: bool = False
    reads_prompt: bool = False
    batch_timeout: float = math.inf

    @abstractmethod
    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge a batch.

        Args:
            prompts: B prompts, strings or chat messages.
            completions: B completions, strings or chat messages.
            completion_ids: the token ids of each completion.
            **columns: a list of B values for each column of the data, and, if a trainer passes them, `trainer_state`,
                `log_metric` (called with a name and a number) and `log_extra` (called with a name and B values).
        """

    def meet_policy(self) -> None:  # noqa: B027  # most rewards have nothing to check
        """Check that the reward goes with the policy, which is loaded after the rewards; called before sampling.

        Raises:
            ValueError: it does not.
        """

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] = (),
        **columns: Any,
    ) -> list[float | None]:
        """The values alone, with the signature of TRL's reward functions."""
        return self.score(prompts, completions, completion_ids, **columns).values

    @property
    def __name__(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # TRL asks rewards for it
        """The name TRL logs under."""
        return self.name


def text_of(completion: Text) -> str:
    """The text of a completion: the string itself, or the assistant's last message with text.

    Later messages of a tool or a user are not part of the policy's answer. If the assistant has no text, the result is
    empty.
    """
    if isinstance(completion, str):
        return completion
    return _last_words(completion, ("assistant", None))


def question_of(prompt: Text) -> str:
    """The text of a prompt: the string itself, or the user's last message with text.

    If the user has no message, it is the last message.
    """
    if isinstance(prompt, str):
        return str(prompt)
    return _last_words(prompt, ("user", None)) or next((content_of(m) for m in reversed(prompt)), "")


def content_of(message: Message) -> str:
    """The text of a chat message: its content, or the joined text parts of its content; empty if there is none.

    Reasoning that a server returns separately (a part of another type, `reasoning_content`) is not included.
    """
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(map(_part, content if isinstance(content, list | tuple) else [content]))


def _part(part: Any) -> str:
    if not isinstance(part, Mapping):
        return "" if part is None else str(part)
    text = part.get("text") if part.get("type", "text") in ("text", "input_text", "output_text") else None
    return text if isinstance(text, str) else ""


def _last_words(messages: Sequence[Message], roles: tuple[str | None, ...]) -> str:
    said = (content_of(message) for message in reversed(messages) if message.get("role") in roles)
    return next((text for text in said if text.strip()), "")
