"""The sample: a completion with everything that is known about it, from sampling to the update.

Sampling makes it, and judging (`rl.sampling.judge`) adds the verdict and the rewards. Credit, the choice of examples,
evaluation, pools and records read it. It is immutable; `dataclasses.replace` makes a changed copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rewards.reward import Text
from verifiers import Status, Step, Verdict

FinishReason = Literal["stop", "length", "error"]
"""`stop` if the policy ended its completion, `length` if it was truncated, `error` if its logits were NaN."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reward's judgement of one completion, and its effect.

    Attributes:
        value: the reward's value; None if it abstained or failed.
        status: `judged`, `abstained` or `failed`.
        weight: factor of the value: the reward's weight at this step of training, or 0 if a gate is closed.
        contribution: the amount that the reward adds to the sample's reward, also if it abstained
            (`rewards.mixing.aggregate`); None if rewards are multiplied, or the sample has no reward.
        steps: the reward's scores of the completion's steps, with spans in characters; empty if a gate is closed.
        tokens: the reward's scores of the completion's tokens; empty if a gate is closed.
        until: the number of characters of the completion that it is credited to (`credit_on: rationale`); None for all.
    """

    value: float | None
    status: Status
    weight: float = 1.0
    contribution: float | None = None
    steps: tuple[Step, ...] = ()
    tokens: tuple[float, ...] = ()
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion of a prompt.

    Attributes:
        row: the row of the task, with `prompt`, `gold`, and every other column.
        text: the completion without special tokens.
        ids: its token ids, including the end-of-sequence token if the policy ended it; empty if the completion was read
            from a file.
        finish_reason: why it ended; `stop` if a file does not say.
        logprobs: log-probability (nats) of each token at sampling; None unless requested.
        index: index of the row in its split; -1 if the row is not in a split.
        round: the round in which it was drawn, from 0.
        thinking: whether its prompt ends with an opened thought (`<think>`), so that the text begins inside it.
        hinted: whether the answer was shown when it was drawn; the row has the prompt without it.
        strategy: the strategy under whose prompt it was drawn (`algorithm.strategies`); the row has the plain prompt.
        verdict: the verdict of the task's verifier; None before judging, and without a verifier.
        reward: the combined reward; None if no reward could judge the completion.
        rewards: reward name → judgement.
        labels: step labels for training a process reward model: each step's span, and how right the completion is up to
            its end, in [0, 1]; abstained if unknown. Empty unless the steps were labelled.
    """

    row: Mapping[str, Any]
    text: str
    ids: list[int]
    finish_reason: FinishReason
    logprobs: list[float] | None = None
    index: int = -1
    round: int = 0
    thinking: bool = False
    hinted: bool = False
    strategy: str | None = None
    verdict: Verdict | None = None
    reward: float | None = None
    rewards: Mapping[str, Judgement] = field(default_factory=dict)
    labels: tuple[Step, ...] = ()

    @property
    def prompt(self) -> Text:
        """The prompt: a string, or chat messages."""
        return self.row["prompt"]

    @property
    def right(self) -> bool | None:
        """Whether the answer is right (`verifiers.is_right`); None if the verifier could not judge it."""
        return None if self.verdict is None else self.verdict.right

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that the task's verifier judged."""
        return () if self.verdict is None else self.verdict.steps
