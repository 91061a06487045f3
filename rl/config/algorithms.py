"""The `algorithm` section of the config: one class per algorithm, and the keys that several algorithms share.

This is the only place where an algorithm is registered. Its class has its settings and names the module that trains
with it, the TRL config class for `trainer:`, and what it needs from the rest of the config. To add an algorithm, write
the class, add it to `Algorithm`, and write its module in `rl/algorithms`.

Settings that TRL's config classes have (beta, epsilon, loss_type, num_iterations, …) go in `trainer`, under TRL's
names. These sections contain the settings that TRL does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from rl.config.choosing import FewShot, Hints, Keep, Pairs, SpanWeight, Strategies, Triplet, all_as_none
from rl.config.control import Control, check_quark
from rl.config.examples import GivenExamples
from rl.config.feedback import Process, Quota, Sift, check_feedback
from rl.config.online import Answering, Critic, Curriculum, DynamicSampling, check_answering
from rl.config.overlap import check_overlap
from rl.config.section import Positive, Section, Share
from rl.config.teachers import Teachers
from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config


class AlgorithmSection(Section):
    """The properties of an algorithm.

    Attributes:
        in_rounds: whether it fits on a pool of judged samples in rounds; otherwise it samples during training.
        module: the module that builds its trainer.
        trl_config: the TRL config class against which `trainer:` is checked.
        credits_steps: whether step scores can count within a completion.
        group_baseline: whether a completion is compared with the other completions of its prompt on the same process.
        least_completions: the smallest number of completions per prompt.
    """

    in_rounds: ClassVar[bool]
    module: ClassVar[str]
    trl_config: ClassVar[str]
    credits_steps: ClassVar[bool] = False
    group_baseline: ClassVar[bool] = False
    least_completions: ClassVar[int] = 2

    @property
    def samples(self) -> bool:
        """Whether it samples completions, and so needs rewards."""
        return True

    def check(self, config: Config) -> None:
        """Check the rest of the config.

        Raises:
            WrongKey: a key cannot be combined with the algorithm.
        """


class Online(AlgorithmSection):
    """Settings of GRPO and PPO."""

    in_rounds: ClassVar[bool] = False
    trl_config: ClassVar[str] = "GRPOConfig"
    credits_steps: ClassVar[bool] = True

    skip_zero_signal: bool = True
    """Leave completions whose advantage is zero everywhere out of the forward and backward pass."""
    sort_by_length: bool = True
    """Run completions of similar length together, which saves computation on padding."""
    share_prompts: bool | None = None
    """Run a prompt once for all its completions (`rewards/models/shared_prompts.py`); by default if that is faster."""
    dynamic_sampling: DynamicSampling | None = None
    curriculum: Curriculum | None = None
    answering: Answering | None = None
    overlap: bool = False
    """Judge a batch while the next is drawn, for rewards that wait (`rl/algorithms/overlap.py`). A batch is then one
    update older than the policy that learns from it, and the clipped ratio corrects for that."""

    def check(self, config: Config) -> None:
        """Check what supervised answering teaches, and that nothing in the config has to wait for the rewards."""
        if self.answering is not None:
            check_answering(config, self.answering)
        if self.overlap:
            check_overlap(config, self)


class Grpo(Online):
    """Group relative policy optimization (`rl/algorithms/grpo.py`)."""

    name: Literal["grpo"]
    module: ClassVar[str] = "rl.algorithms.grpo"
    group_baseline: ClassVar[bool] = True  # PPO's baseline is its critic


class Ppo(Online):
    """Proximal policy optimization (`rl/algorithms/ppo.py`)."""

    name: Literal["ppo"]
    module: ClassVar[str] = "rl.algorithms.ppo"
    gamma: Share = 1.0
    """Discount of later rewards."""
    lambda_: Share = Field(default=0.95, alias="lambda")
    """Of GAE: 0 trusts the critic alone, 1 the rewards alone."""
    lambda_critic: Share | None = None
    """λ of the critic's returns; by default `lambda`."""
    kl: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the penalty on a token's log-ratio to the reference policy; `trainer.beta` adds a KL term to the loss
    instead."""
    whiten_advantages: bool = True
    """Whether advantages are whitened over the batch."""
    whiten_rewards: bool = False
    """Divide rewards by their standard deviation, without subtracting their mean."""
    critic: Critic = Critic()

    def check(self, config: Config) -> None:
        """Check that a critic made of adapters has a policy with adapters."""
        super().check(config)
        if self.critic.lora and config.policy.lora is None:
            raise WrongKey("algorithm.critic.lora", "puts adapters over the policy's frozen base; add policy.lora")


class Rounds(AlgorithmSection):
    """Settings of the algorithms in rounds: sample, judge, choose examples, fit, repeat (`rl/rounds/rounds.py`).

    Attributes:
        uses_reference: whether the loss has a reference policy.
        pools_examples: whether given examples join the pool and are judged like samples.
    """

    in_rounds: ClassVar[bool] = True
    uses_reference: ClassVar[bool] = False
    pools_examples: ClassVar[bool] = False

    rounds: Positive = 3
    """Number of rounds."""
    prompts: Annotated[int, Field(ge=0)] = 1000
    """Train prompts per round, with `sampling.completions` completions each; 0 to fit on given examples alone."""
    examples: GivenExamples | None = None
    """Given examples to fit on, in addition to samples. With them, the default is one round without sampling."""
    fit_from: Literal["base", "last"] = "base"
    """Whether each fit starts from the base policy or from the policy of the previous round."""
    pool_rounds: Positive | None = None
    """Number of recent rounds whose samples a fit may use; None for all."""
    step_growth: Annotated[float, Field(ge=1)] = 1.0
    """Factor by which the optimizer steps of a fit grow from each round to the next; STaR's is 1.2."""
    few_shot: FewShot | None = None
    first_sampler: str | None = None
    """The policy that samples the first round: a path, a hub id, or `stages.NAME`; by default the base policy. In SIPF
    it was trained on gold solutions, and each fit still starts from the base."""
    quota: Quota | None = None
    sift: Sift | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_fit_on_given_examples(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("examples") is not None:
            return {"rounds": 1, "prompts": 0, **values}
        return values

    def check(self, config: Config) -> None:
        """Check that there is something to fit on."""
        if not self.prompts and self.examples is None:
            raise WrongKey("algorithm.prompts", "is 0, so nothing is sampled; name algorithm.examples to fit on")
        check_feedback(config, self)
        if self.examples is None:
            return
        if self.examples.of != "all" and not self.samples:
            raise WrongKey("algorithm.examples.of", "depends on sampled completions; set algorithm.prompts and rewards")
        if self.examples.fade is None:
            return
        if self.samples or self.trl_config != "SFTConfig":
            raise WrongKey("algorithm.examples.fade", "works only with sft on given examples alone")
        for name, none in (("max_steps", -1), ("num_train_epochs", None), ("train_sampling_strategy", None)):
            if config.trainer.get(name, none) != none:
                raise WrongKey(f"trainer.{name}", "algorithm.examples.fade sets the length and the order of the fit")

    def steps_of(self, number: int, first: int) -> int:
        """Optimizer steps of the fit of a round.

        Args:
            number: of the round, from 0.
            first: the steps of the first fit.
        """
        return round(first * self.step_growth**number)

    @property
    def samples(self) -> bool:
        """Whether it samples completions, and so needs rewards; without them it fits on given examples alone."""
        return self.prompts > 0


class Dpo(Rounds):
    """Direct preference optimization in rounds (`rl/algorithms/dpo.py`)."""

    name: Literal["dpo"]
    module: ClassVar[str] = "rl.algorithms.dpo"
    trl_config: ClassVar[str] = "DPOConfig"
    uses_reference: ClassVar[bool] = True
    pairs: Pairs = Pairs()
    process: Process | None = None
    nll: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the chosen completion's negative log-likelihood, which is added to the preference loss."""
    reference: Literal["base", "last"] = "base"
    """The reference policy: the base policy, or the policy of the previous round."""

    def check(self, config: Config) -> None:
        """Check that EXO has smoothed labels."""
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
    process: Process | None = None


class Sft(Rounds):
    """Self-training: keep what is right and imitate it, as STaR and RFT do (`rl/algorithms/sft.py`)."""

    name: Literal["sft"]
    module: ClassVar[str] = "rl.algorithms.sft"
    trl_config: ClassVar[str] = "SFTConfig"
    least_completions: ClassVar[int] = 1
    keep: Annotated[Keep | None, BeforeValidator(all_as_none)] = Keep()
    """`all` fits on every sampled completion, right or wrong, as on-policy distillation needs it."""
    hints: Hints | None = None
    strategies: Strategies | None = None
    branched: bool = False
    """Whether the samples of a problem begin with its most likely first tokens, one each, as in SERT."""
    wrong_step_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Weight of steps that the verifier judges wrong, in completions that are kept; 0 learns nothing from them."""
    span_weights: list[SpanWeight] = []
    """Weights of other parts of completions."""
    prompt_weight: Share = 0.0
    """Weight of the prompt's tokens."""
    triplet: Triplet | None = None
    teacher: Teachers = []
    """One teacher or several, whose distributions the policy learns in addition to the completions' own tokens."""
    nll_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the negative log-likelihood, added to the teachers' divergences; 0 learns from the teachers alone."""

    @property
    def graded(self) -> bool:
        """Whether any token has a weight between 0 and 1."""
        weights = (self.wrong_step_weight, self.prompt_weight, *(span.weight for span in self.span_weights))
        return any(0 < weight < 1 for weight in weights)

    def check(self, config: Config) -> None:
        """Check that scores can be compared with a threshold, and that token weights and teachers are used with TRL's
        plain loss, in which each row is one example."""
        super().check(config)
        chosen_by = {"keep": self.keep, "strategies": self.strategies and self.strategies.keep == "best"}
        if config.mix.aggregation == "normalise_then_sum" and self.samples and any(chosen_by.values()):
            key = next(name for name, used in chosen_by.items() if used)
            raise WrongKey(
                "mix.aggregation",
                "normalise_then_sum only says how completions that are drawn together compare, so if all of a "
                f"problem's are right, their score is 0; algorithm.{key} needs the score itself: use sum",
            )
        if config.trainer.get("packing") and config.trainer.get("packing_strategy") == "wrapped":
            raise WrongKey("trainer.packing_strategy", "wrapped lets examples see each other; bfd keeps them apart")
        if not self.teacher and self.nll_weight != 1.0:
            raise WrongKey("algorithm.nll_weight", "weighs the likelihood against a teacher; name algorithm.teacher")
        if self.teacher and self.prompt_weight:
            raise WrongKey("algorithm.prompt_weight", "a teacher is asked about the completion alone; leave it out")
        if any(one.prompt for one in self.teacher) and config.trainer.get("max_length") is not None:
            raise WrongKey("trainer.max_length", "would shorten what the policy reads but not what its teacher reads")
        if self.triplet and (self.teacher or not self.samples):
            raise WrongKey("algorithm.triplet", "needs wrong samples (algorithm.prompts, rewards) and no teacher")
        kinds = {"a teacher": self.teacher, "weights of the loss between 0 and 1": self.graded, "triplet": self.triplet}
        what = " and ".join(name for name, used in kinds.items() if used)
        for name, plain in (("loss_type", "nll"), ("packing", False), ("padding_free", False)):
            if what and config.trainer.get(name, plain) != plain:
                raise WrongKey(f"trainer.{name}", f"cannot be combined with {what}")
        if self.teacher and config.trainer.get("label_smoothing_factor"):
            raise WrongKey("trainer.label_smoothing_factor", "a teacher already smooths the labels; leave it out")


class Quark(Rounds):
    """Imitation of all samples, with control tokens that state how good each one is (`rl/algorithms/quark.py`)."""

    name: Literal["quark"]
    module: ClassVar[str] = "rl.algorithms.quark"
    trl_config: ClassVar[str] = "SFTConfig"
    uses_reference: ClassVar[bool] = True
    pools_examples: ClassVar[bool] = True
    fit_from: Literal["base", "last"] = "last"
    control: Control
    at_least: dict[str, float] = {}
    """Reward, or `mix` → the lowest value of the samples that a fit learns from; this filter works with or without
    control tokens."""
    kl: Annotated[float, Field(ge=0)] = 0.05
    """Weight of KL(policy ‖ base policy) over the whole vocabulary; the base policy sees no control tokens."""
    entropy: Annotated[float, Field(ge=0)] = 0.06
    """Weight of the policy's entropy, which the loss rewards."""

    def check(self, config: Config) -> None:
        """Check that there are rewards, and that the policy can learn embeddings of new tokens."""
        if not self.prompts:
            raise WrongKey("algorithm.prompts", "is 0, and quark learns from a pool of samples; set it, and rounds")
        super().check(config)
        check_quark(config, self)


Algorithm = Annotated[Grpo | Ppo | Dpo | Orpo | Sft | Quark, Field(discriminator="name")]

ALGORITHMS: dict[str, type[AlgorithmSection]] = {
    get_args(section.model_fields["name"].annotation)[0]: section for section in get_args(get_args(Algorithm)[0])
}
"""Name in a config → its section."""

TRL_CONFIGS = frozenset(section.trl_config for section in ALGORITHMS.values())
"""TRL's config classes that `trainer:` is checked against, of all algorithms."""
