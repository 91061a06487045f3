"""The sample: one completion with everything that is known of it, from sampling to the update.

Sampling makes it, judging (`rl.sampling.judge`) adds the verdict and the rewards, and credit, choosing examples,
evaluation, pools and records read it. It is never changed in place: `dataclasses.replace` makes the next form of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rewards.reward import Text
from verifiers import Status, Step, Verdict

FinishReason = Literal["stop", "length", "error"]
"""`stop` where the policy ended its completion, `length` where it was cut off, `error` where its logits were NaN."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one reward says of one completion, and how it counts.

    Attributes:
        value: the reward's value, None where it abstained or failed.
        status: `judged`, `abstained` or `failed`.
        weight: what the value is multiplied by: the reward's weight at this step of training, 0 where a gate is closed.
        contribution: what the reward adds to the sample's reward, that of an abstention included
            (`rewards.mixing.aggregate`); None where rewards are multiplied, or nothing is known of the sample.
        steps: the reward's scores of the completion's steps, with their spans in characters; none where a gate is
        closed.
        tokens: its scores of the completion's tokens, likewise.
    """

    value: float | None
    status: Status
    weight: float = 1.0
    contribution: float | None = None
    steps: tuple[Step, ...] = ()
    tokens: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion of a prompt.

    Attributes:
        row: the row of the task that was asked: `prompt`, `gold`, and every other column.
        text: the completion without special tokens.
        ids: its token ids, the end-of-sequence token included where the policy ended it; empty where the completion was
            read from a file.
        finish_reason: why it ended; `stop` where a file does not say.
        logprobs: log-probability (nats) of each token at sampling; None unless they were asked for.
        index: of the row in its split; -1 where the row is of no split.
        round: in which round it was drawn, from 0.
        hinted: whether the answer was shown when it was drawn; the row's prompt is the plain one all the same.
        verdict: what the task's verifier says; None before judging, and where there is no verifier.
        reward: the mix of all rewards; None where nothing is known.
        rewards: reward name → what it says.
        labels: step labels for training a process reward model: each step's span and how right the completion is up to
            its end, in [0, 1]; abstained where nobody can say. Empty unless steps were labelled.
    """

    row: Mapping[str, Any]
    text: str
    ids: list[int]
    finish_reason: FinishReason
    logprobs: list[float] | None = None
    index: int = -1
    round: int = 0
    hinted: bool = False
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
        """Whether the answer is right (`verifiers.is_right`); None where the verifier could not say."""
        return None if self.verdict is None else self.verdict.right

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that the task's verifier judged."""
        return () if self.verdict is None else self.verdict.steps
