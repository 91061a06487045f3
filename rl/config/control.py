"""The `algorithm.control` section: tokens before a completion that say how good it is (`rl/algorithms/quark.py`)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rl.config.section import Positive, Section
from rl.config.wrong_key import WrongKey
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config
    from rl.config.algorithms import Quark

MIX = "mix"
"""Stands for the number that `mix:` makes of all rewards, where a reward's name is wanted."""
Cut = Annotated[int, Field(ge=2)] | Annotated[list[float], Field(min_length=1)]
"""How a reward's values are cut: a number of quantiles, or the values from which on the next better token holds."""


class Control(Section):
    """Control tokens: which rewards have how many, and when they are used."""

    tokens: list[str]
    """The rewards that have tokens, in the order in which these stand. `mix` is the number that the section `mix` makes
    of all rewards. With none, `[]`, a fit imitates the pool as it is."""
    quantiles: Annotated[int, Field(ge=2)] = 5
    """Quantiles of the pool that each reward is cut into; each has a token."""
    cuts: dict[str, Cut] = {}
    """Reward → another number of quantiles, or values to cut at: `[1.0]` makes two tokens, from 1 on and below."""
    place: Literal["completion", "prompt"] = "completion"
    """Where the tokens stand: right before the completion (MaRio), or before the prompt (Quark)."""
    stages: list[Annotated[list[str], Field(min_length=1)]] = []
    """Additive staging: groups of rewards whose tokens come into use one group after the other. None: all at once."""
    stage_rounds: Positive = 1
    """Rounds between one group and the next."""
    stage_side: Literal["right", "left"] = "right"
    """On which side of the tokens in use those of the next group are put."""
    permuted: bool = False
    """Deal the tokens out among the samples anew, for a negative control: they then say nothing of a completion."""

    @field_validator("cuts")
    @classmethod
    def _rising(cls, cuts: dict[str, Cut]) -> dict[str, Cut]:
        for name, cut in cuts.items():
            if isinstance(cut, list) and any(low >= high for low, high in pairwise(cut)):
                raise ValueError(f"{name}: the values to cut at have to rise, got {cut}")
        return cuts

    @model_validator(mode="after")
    def _staged_once_each(self) -> Control:
        if twice := next((name for name in self.tokens if self.tokens.count(name) > 1), None):
            raise ValueError(f"tokens: {twice} is named twice")
        staged = [name for group in self.stages for name in group]
        if self.stages and sorted(staged) != sorted(self.tokens):
            raise ValueError(f"stages: each of {', '.join(self.tokens) or 'no tokens'} is wanted once, got {staged}")
        if not self.stages and (self.stage_rounds, self.stage_side) != (1, "right"):
            raise ValueError("stage_rounds and stage_side are about stages; name them too")
        if self.permuted and not self.tokens:
            raise ValueError("permuted: there are no tokens to deal out; name some in tokens")
        return self

    def cut(self, name: str) -> int | list[float]:
        """How the values of a reward are cut: a number of quantiles, or the values to cut at."""
        return self.cuts.get(name, self.quantiles)

    def count(self, name: str) -> int:
        """How many tokens a reward has."""
        cut = self.cut(name)
        return cut if isinstance(cut, int) else len(cut) + 1

    def in_use(self, fit: int) -> list[str]:
        """The rewards whose tokens a round's fit uses, in the order in which the tokens stand.

        Args:
            fit: number of the round, from 0.
        """
        if not self.stages:
            return list(self.tokens)
        groups = self.stages[: 1 + fit // self.stage_rounds]
        return [name for group in (groups if self.stage_side == "right" else groups[::-1]) for name in group]


def check_quark(config: Config, quark: Quark) -> None:
    """Check the section of quark against the rest of the config.

    Args:
        config: the config, whose rewards are known.
        quark: the section `algorithm`.

    Raises:
        WrongKey: a reward is unknown, a stage never begins, the policy could not learn or leave out the tokens, or an
            argument of TRL's does not go with the loss.
    """
    control, known = quark.control, [*config.rewards, MIX]
    named = {"control.tokens": control.tokens, "control.cuts": control.cuts, "at_least": quark.at_least}
    for key, names in named.items():
        if wrong := next((name for name in names if name not in known), None):
            raise WrongKey(f"algorithm.{key}", f"{wrong!r} is none of the rewards; {nearest(wrong, known)}")
    if MIX in config.rewards:
        raise WrongKey(f"rewards.{MIX}", "is what quark calls the mix of all rewards; give this one another name")
    last = (len(control.stages) - 1) * control.stage_rounds + 1
    if last > quark.rounds:
        what = f"the last one begins in round {last}, and there are {quark.rounds}; set algorithm.rounds"
        raise WrongKey("algorithm.control.stages", what)
    if quark.examples is not None and quark.examples.of != "all":
        raise WrongKey("algorithm.examples.of", "given examples are in the pool of every round; leave it out")
    for name, plain in (("loss_type", "nll"), ("packing", False), ("padding_free", False)):
        if config.trainer.get(name, plain) != plain:
            raise WrongKey(f"trainer.{name}", "does not go with quark, whose reference reads other tokens")
    for name in ("max_length", "label_smoothing_factor"):
        if config.trainer.get(name):
            raise WrongKey(f"trainer.{name}", "does not go with quark, whose loss is its own; leave it out")
    if control.tokens and config.policy.lora is not None:
        raise WrongKey("policy.lora", "keeps embeddings as they are, and those of control tokens are new; leave it out")
    if control.tokens and config.sampling.engine != "transformers":
        raise WrongKey("sampling.engine", "may draw control tokens, which transformers alone leaves out here")
