"""What a reward is: it scores completions with TRL's signature, and has a richer method behind it."""

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
"""What TRL passes by keyword to every reward function, beside a list for each column of the data."""


@dataclass(frozen=True)
class Scores:
    """What a reward says of a batch of B completions.

    Attributes:
        values: B numbers, None where the reward abstains.
        steps: B tuples of steps with spans in the completion's characters; empty tuples where there are none.
        columns: extra columns for the table of completions, each of length B.
        failures: row → error, for rows on which the reward broke; their value is None.
        tokens: B tuples with a number for each token of the completion; empty tuples where there are none.
    """

    values: list[float | None]
    steps: list[tuple[Step, ...]] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)
    tokens: list[tuple[float, ...]] = field(default_factory=list)


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
        judges_tokens: whether it scores each token, for `credit: token`.
        reads_prompt: whether it judges a completion as an answer to its prompt, so that it needs the prompts.
        batch_timeout: seconds after which it ends a batch by itself, with what it has; infinite where it does not.
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
        """Judge a batch; every column is a list with one value a completion.

        Args:
            prompts: B prompts, strings or chat messages.
            completions: B completions, strings or chat messages.
            completion_ids: the token ids of each completion.
            **columns: a list of B values for each column of the data; beside them `trainer_state`, `log_metric` (takes
                a name and a number) and `log_extra` (a name and B values), where a trainer passes them.
        """

    def meet_policy(self) -> None:  # noqa: B027  # most rewards have nothing to check
        """Check what needs the policy, which is loaded after the rewards; called before anything is drawn.

        Raises:
            ValueError: the reward does not go with the policy.
        """

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
    def __name__(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # TRL asks rewards for it
        """The name TRL logs under."""
        return self.name


def text_of(completion: Text) -> str:
    """The text of a completion: a string as it is; of chat messages the assistant's own last words.

    What a tool or a user says after them is no answer of the policy's. Without any words of the assistant the text is
    empty.
    """
    if isinstance(completion, str):
        return completion
    return _last_words(completion, ("assistant", None))


def question_of(prompt: Text) -> str:
    """The text of a prompt: a string as it is; of chat messages the user's last words.

    Without a message of the user's it is what stands last.
    """
    if isinstance(prompt, str):
        return str(prompt)
    return _last_words(prompt, ("user", None)) or next((content_of(m) for m in reversed(prompt)), "")


def content_of(message: Message) -> str:
    """The text of one chat message: its content, or the text parts of it, joined; empty where it has none.

    Thinking that a server keeps apart (a part of another type, `reasoning_content`) is not part of it.
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
