"""The `algorithm` section of the config: one class an algorithm, and what the algorithms share.

What TRL's config classes have a name for (beta, epsilon, loss_type, num_iterations, …) goes to `trainer`, and TRL's
names hold there. These sections hold what TRL has no name for.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the config: unknown keys are errors, and values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class DynamicSampling(Section):
    """Draw until the batch is full of groups that carry signal (DAPO, arXiv:2503.14476)."""

    draws: Annotated[int, Field(ge=2)] = 3
    """Most draws a step, the first one included; what is missing then is filled with groups without signal."""


class Curriculum(Section):
    """Draw prompts by their recent solve rate (`rl/sampling/curriculum.py`)."""

    memory: Share = 0.7
    """Weight of the past in a prompt's running solve rate."""
    floor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Least weight of a prompt, so that none is forgotten."""


class Online(Section):
    """What GRPO and PPO share."""

    skip_zero_signal: bool = True
    """Leave out of the forward and backward pass the completions whose advantage is zero everywhere."""
    sort_by_length: bool = True
    """Run completions of similar length together, without each other's padding."""
    dynamic_sampling: DynamicSampling | None = None
    curriculum: Curriculum | None = None


class Grpo(Online):
    """Group relative policy optimization (`rl/algorithms/grpo.py`)."""

    name: Literal["grpo"]


class Critic(Section):
    """The value model of PPO and how it learns."""

    start: str = "policy"
    """`policy`, or a path or hub id, such as of a process reward model."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warm_up_steps: Annotated[int, Field(ge=0)] = 0
    """Generation cycles in which the critic alone learns."""
    epochs: Positive = 4
    """Passes over each batch of rollouts."""
    batch: Positive = 128
    """Rollouts a critic step, on each process."""
    value_clip: Annotated[float, Field(gt=0)] | None = None
    """Most that a value may move from the one at sampling before its loss is cut; None for no clipping."""
    lora: bool = False
    """Train adapters and a value head over the policy's own frozen base; needs `policy.lora`."""


class Ppo(Online):
    """Proximal policy optimization (`rl/algorithms/ppo.py`)."""

    name: Literal["ppo"]
    gamma: Share = 1.0
    lambda_: Share = Field(default=0.95, alias="lambda")
    lambda_critic: Share | None = None
    """By default as `lambda`."""
    kl: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the token's log-ratio to the reference policy in its reward; for a term in the loss, trainer.beta."""
    whiten_advantages: bool = True
    whiten_rewards: bool = False
    """Divide rewards by their standard deviation, without shifting their mean."""
    critic: Critic = Critic()


class Rounds(Section):
    """What the algorithms in rounds share: sample, judge, credit, fit, evaluate, again (`rl/rounds/rounds.py`)."""

    rounds: Positive = 3
    prompts: Positive = 1000
    """Train prompts sampled a round, with `sampling.completions` each."""
    fit_from: Literal["base", "last"] = "base"
    """Whether each fit starts from the base policy or from the last round's."""
    pool_rounds: Positive | None = None
    """Rounds of the pool that a fit sees, the newest first; None for all of them."""


class Pairs(Section):
    """Chosen and rejected completions of a prompt (`rl/examples/pairs.py`)."""

    form: Literal["best_worst", "all"] = "best_worst"
    """The best against the worst, or every right one against every wrong one."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """Least difference of the judged scores, beyond which alone a pair counts."""
    cap: Positive = 4
    """Most pairs a prompt."""
    balance_length: bool = False
    """Prefer pairs so that chosen and rejected are equally long over the prompt's pairs."""
    cut_off: bool = True
    """Whether a completion that was cut off may be the rejected one; it is never the chosen one."""


class Dpo(Rounds):
    """Direct preference optimization in rounds (`rl/algorithms/dpo.py`)."""

    name: Literal["dpo"]
    pairs: Pairs = Pairs()
    nll: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the chosen completion's negative log-likelihood beside the preference loss."""
    reference: Literal["base", "last"] = "base"
    """The reference policy: the base, or the last round's."""


class Orpo(Rounds):
    """Odds ratio preference optimization in rounds (`rl/algorithms/orpo.py`)."""

    name: Literal["orpo"]
    pairs: Pairs = Pairs()


class Keep(Section):
    """Which completions are worth imitating (`rl/examples/keep.py`)."""

    threshold: float = 1.0
    """Least judged score."""
    quota: Positive = 4
    """Most a prompt."""
    distinct: bool = True
    """Keep one completion for each sequence of equations, of near copies the one farthest from the others."""


class Hints(Section):
    """STaR's rationalisation: problems with no right completion are drawn again with the answer shown."""

    template: str = "{prompt}{gold}"
    """The prompt with the answer shown; what is learnt is the completion after the plain prompt."""
    completions: Positive = 4


class Sft(Rounds):
    """Self-training: keep what is right and imitate it, as STaR and RFT do (`rl/algorithms/sft.py`)."""

    name: Literal["sft"]
    keep: Keep = Keep()
    hints: Hints | None = None
    wrong_step_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Weight of steps that the verifier judges wrong, in completions that are kept; 0 learns nothing from them."""


Algorithm = Annotated[Grpo | Ppo | Dpo | Orpo | Sft, Field(discriminator="name")]

ALGORITHMS: dict[str, type[Section]] = {"grpo": Grpo, "ppo": Ppo, "dpo": Dpo, "orpo": Orpo, "sft": Sft}

IN_ROUNDS = ("dpo", "orpo", "sft")
"""Algorithms that fit on a pool of judged samples; the others sample as they go."""
