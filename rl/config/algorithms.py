"""The `algorithm` section of the config: one class for each algorithm, and what several algorithms share.

An algorithm is registered here and nowhere else: its class has its settings, and says which module trains by it, which
of TRL's config classes reads `trainer:`, and what it needs of the rest of the config. To add one, write the class, put
it into `Algorithm`, and write its module in `rl/algorithms`.

What TRL's config classes have a name for (beta, epsilon, loss_type, num_iterations, …) goes to `trainer`, and TRL's
names hold there. These sections hold what TRL has no name for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from rl.config.choosing import Hints, Keep, Pairs, SpanWeight, all_as_none
from rl.config.examples import GivenExamples
from rl.config.section import Positive, Section, Share
from rl.config.teachers import Teachers
from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config


class AlgorithmSection(Section):
    """What every algorithm says of itself.

    Attributes:
        in_rounds: whether it fits on a pool of judged samples, round after round; else it samples as it goes.
        module: the module that builds its trainer.
        trl_config: the TRL config class that `trainer:` is checked against.
        credits_steps: whether step scores can count inside a completion.
        group_baseline: whether a completion is compared with those of the same prompt that its process holds.
    """

    in_rounds: ClassVar[bool]
    module: ClassVar[str]
    trl_config: ClassVar[str]
    credits_steps: ClassVar[bool] = False
    group_baseline: ClassVar[bool] = False

    @property
    def samples(self) -> bool:
        """Whether it samples completions, and so needs rewards."""
        return True

    def check(self, config: Config) -> None:
        """Refuse what the algorithm cannot do with the rest of the config.

        Raises:
            WrongKey: a key that does not go with the algorithm.
        """


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


class Online(AlgorithmSection):
    """What GRPO and PPO share."""

    in_rounds: ClassVar[bool] = False
    trl_config: ClassVar[str] = "GRPOConfig"
    credits_steps: ClassVar[bool] = True

    skip_zero_signal: bool = True
    """Leave out of the forward and backward pass the completions whose advantage is zero everywhere."""
    sort_by_length: bool = True
    """Run completions of similar length together, without each other's padding."""
    dynamic_sampling: DynamicSampling | None = None
    curriculum: Curriculum | None = None


class Grpo(Online):
    """Group relative policy optimization (`rl/algorithms/grpo.py`)."""

    name: Literal["grpo"]
    module: ClassVar[str] = "rl.algorithms.grpo"
    group_baseline: ClassVar[bool] = True  # PPO's baseline is its critic


class Critic(Section):
    """The value model of PPO and how it learns."""

    start: str = "policy"
    """`policy`, or a path or hub id, such as of a process reward model."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warm_up_cycles: Annotated[int, Field(ge=0)] = 0
    """Generation cycles at the start in which the critic alone learns."""
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
    module: ClassVar[str] = "rl.algorithms.ppo"
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

    def check(self, config: Config) -> None:
        """A critic of adapters needs a policy with adapters."""
        if self.critic.lora and config.policy.lora is None:
            raise WrongKey("algorithm.critic.lora", "puts adapters over the policy's frozen base; add policy.lora")


class Rounds(AlgorithmSection):
    """What the algorithms in rounds share: sample, judge, credit, fit, evaluate, again (`rl/rounds/rounds.py`).

    Attributes:
        uses_reference: whether its loss compares with a reference policy.
    """

    in_rounds: ClassVar[bool] = True
    uses_reference: ClassVar[bool] = False

    rounds: Positive = 3
    prompts: Annotated[int, Field(ge=0)] = 1000
    """Train prompts sampled a round, with `sampling.completions` each; 0 to fit on given examples alone."""
    examples: GivenExamples | None = None
    """Examples to fit on, beside what is kept of the samples. With them, one round and no sampling are the default."""
    fit_from: Literal["base", "last"] = "base"
    """Whether each fit starts from the base policy or from the last round's."""
    pool_rounds: Positive | None = None
    """Rounds of the pool that a fit sees, the newest first; None for all of them."""

    @model_validator(mode="before")
    @classmethod
    def _one_fit_on_given_examples(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("examples") is not None:
            return {"rounds": 1, "prompts": 0, **values}
        return values

    def check(self, config: Config) -> None:
        """There is something to fit on."""
        if not self.prompts and self.examples is None:
            raise WrongKey("algorithm.prompts", "is 0, so nothing is sampled; name algorithm.examples to fit on")
        if self.examples is None or self.examples.fade is None:
            return
        if self.samples or self.trl_config != "SFTConfig":
            raise WrongKey("algorithm.examples.fade", "goes with sft on given examples alone")
        for name, none in (("max_steps", -1), ("num_train_epochs", None), ("train_sampling_strategy", None)):
            if config.trainer.get(name, none) != none:
                raise WrongKey(f"trainer.{name}", "algorithm.examples.fade says how long the fit is, and in what order")

    @property
    def samples(self) -> bool:
        """Whether it samples completions, and so needs rewards; it may fit on given examples alone."""
        return self.prompts > 0


class Dpo(Rounds):
    """Direct preference optimization in rounds (`rl/algorithms/dpo.py`)."""

    name: Literal["dpo"]
    module: ClassVar[str] = "rl.algorithms.dpo"
    trl_config: ClassVar[str] = "DPOConfig"
    uses_reference: ClassVar[bool] = True
    pairs: Pairs = Pairs()
    nll: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the chosen completion's negative log-likelihood beside the preference loss."""
    reference: Literal["base", "last"] = "base"
    """The reference policy: the base, or the last round's."""

    def check(self, config: Config) -> None:
        """EXO smooths its labels."""
        super().check(config)
        losses = config.trainer.get("loss_type") or []
        if "exo_pair" in losses and not config.trainer.get("label_smoothing"):
            raise WrongKey("trainer.label_smoothing", "exo_pair needs a label_smoothing above 0, such as 1e-3")


class Orpo(Rounds):
    """Odds ratio preference optimization in rounds (`rl/algorithms/orpo.py`)."""

    name: Literal["orpo"]
    module: ClassVar[str] = "rl.algorithms.orpo"
    trl_config: ClassVar[str] = "ORPOConfig"
    pairs: Pairs = Pairs()


class Sft(Rounds):
    """Self-training: keep what is right and imitate it, as STaR and RFT do (`rl/algorithms/sft.py`)."""

    name: Literal["sft"]
    module: ClassVar[str] = "rl.algorithms.sft"
    trl_config: ClassVar[str] = "SFTConfig"
    keep: Annotated[Keep | None, BeforeValidator(all_as_none)] = Keep()
    """`all` fits on every completion that was sampled, right or wrong, as learning from a teacher on one's own samples
    wants it."""
    hints: Hints | None = None
    wrong_step_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Weight of steps that the verifier judges wrong, in completions that are kept; 0 learns nothing from them."""
    span_weights: list[SpanWeight] = []
    """Weights of other parts of completions."""
    prompt_weight: Share = 0.0
    """Weight of the prompt's tokens."""
    teacher: Teachers = []
    """One teacher or several, whose distributions are learnt beside the completions' own tokens."""
    nll_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the negative log-likelihood beside the teachers' divergences; 0 learns from the teachers alone."""

    @property
    def graded(self) -> bool:
        """Whether some token weighs more than nothing and less than the others."""
        weights = (self.wrong_step_weight, self.prompt_weight, *(span.weight for span in self.span_weights))
        return any(0 < weight < 1 for weight in weights)

    def check(self, config: Config) -> None:
        """Weights of single tokens and teachers go with TRL's plain loss, whose rows are one example each."""
        super().check(config)
        if not self.teacher and self.nll_weight != 1.0:
            raise WrongKey("algorithm.nll_weight", "weighs the likelihood beside a teacher; name algorithm.teacher")
        if self.teacher and self.prompt_weight:
            raise WrongKey("algorithm.prompt_weight", "a teacher is asked about the completion alone; leave it out")
        if any(one.prompt for one in self.teacher) and config.trainer.get("max_length") is not None:
            raise WrongKey("trainer.max_length", "would cut what the policy reads and not what its teacher reads")
        if not self.graded and not self.teacher:
            return
        what = "a teacher" if self.teacher else "weights of the loss between 0 and 1"
        for name, plain in (("loss_type", "nll"), ("packing", False), ("padding_free", False)):
            if config.trainer.get(name, plain) != plain:
                raise WrongKey(f"trainer.{name}", f"does not go with {what}")
        if self.teacher and config.trainer.get("label_smoothing_factor"):
            raise WrongKey("trainer.label_smoothing_factor", "does not go with a teacher, which smooths by itself")


Algorithm = Annotated[Grpo | Ppo | Dpo | Orpo | Sft, Field(discriminator="name")]

ALGORITHMS: dict[str, type[AlgorithmSection]] = {
    get_args(section.model_fields["name"].annotation)[0]: section for section in get_args(get_args(Algorithm)[0])
}
"""Name in a config → its section."""
