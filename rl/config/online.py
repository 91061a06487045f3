"""Sections of GRPO and PPO: which prompts they draw, turns of supervised answering, and the critic of PPO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rl.config.section import Positive, Section, Share
from rl.config.statements import checked_layout
from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config


class DynamicSampling(Section):
    """Fill the batch with groups that carry signal (DAPO, arXiv:2503.14476)."""

    draws: Annotated[int, Field(ge=2)] = 3
    """Largest number of draws per batch, including the first; after that, groups without signal fill the rest."""


class Curriculum(Section):
    """Draw prompts according to their recent solve rate (`rl/sampling/curriculum.py`)."""

    memory: Share = 0.7
    """Weight of the previous value in a prompt's running solve rate."""
    floor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Lowest weight of a prompt, so that every prompt is drawn from time to time."""


class Answering(Section):
    """Generation cycles in which the policy is taught to answer, as in Crystal (`rl/algorithms/answering.py`)."""

    policy_cycles: Positive = 1
    """Generation cycles of the algorithm itself before each turn of supervised answering."""
    answer_cycles: Positive = 1
    """Generation cycles of a turn of supervised answering."""
    qka_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the gold answer's negative log-likelihood after a statement that the policy wrote."""
    qa_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the gold answer's negative log-likelihood without a statement."""
    layout: dict[str, str] = {}
    """How a completion is made of a statement and an answer, if not in the task's own layout: `marker`,
    `with_rationale`, `without_rationale` and `answer`, as in the options of rewards."""


class Critic(Section):
    """The value model of PPO and its training."""

    start: str = "policy"
    """`policy`, or a path, hub id or `stages.NAME`, for example of a process reward model."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """The critic's learning rate."""
    warm_up_cycles: Annotated[int, Field(ge=0)] = 0
    """Number of generation cycles at the start in which only the critic learns."""
    epochs: Positive = 4
    """Passes over each batch of rollouts."""
    batch: Positive = 128
    """Rollouts per critic step, on each process."""
    value_clip: Annotated[float, Field(gt=0)] | None = None
    """Largest change of a value since sampling before its loss is clipped; None for no clipping."""
    lora: bool = False
    """Train adapters and a value head over the policy's frozen base model; needs `policy.lora`."""


def check_answering(config: Config, settings: Answering) -> None:
    """Check that supervised answering has something to teach, and that its layout shows where an answer begins.

    Args:
        config: the config.
        settings: its `algorithm.answering`.

    Raises:
        WrongKey: it has not, or does not.
    """
    if not settings.qka_weight and not settings.qa_weight:
        raise WrongKey("algorithm.answering", "qka_weight and qa_weight are both 0, so nothing would be taught")
    checked_layout(config, "algorithm.answering.layout", settings.layout)
