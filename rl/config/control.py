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
"""In place of a reward's name: the number that `mix:` makes of all rewards."""
Cut = Annotated[int, Field(ge=2)] | Annotated[list[float], Field(min_length=1)]
"""How a reward's values are cut: a number of quantiles, or the lowest value of each token but the worst."""


class Control(Section):
    """Control tokens: which rewards have them, how many, and when they are used."""

    tokens: list[str]
    """The rewards that have tokens, in the order of the tokens. `mix` is the number that the section `mix` makes of all
    rewards. With an empty list, `[]`, a fit imitates the pool as it is."""
    quantiles: Annotated[int, Field(ge=2)] = 5
    """Quantiles of the pool that each reward is cut into; each has a token."""
    cuts: dict[str, Cut] = {}
    """Reward → another number of quantiles, or the values to cut at: `[1.0]` makes two tokens, one for values of 1 or
    more and one for lower values."""
    place: Literal["completion", "prompt"] = "completion"
    """Where the tokens are put: right before the completion (MaRio), or before the prompt (Quark)."""
    stages: list[Annotated[list[str], Field(min_length=1)]] = []
    """Additive staging: groups of rewards whose tokens come into use one group after the other. None: all at once."""
    stage_rounds: Positive = 1
    """Rounds between one group and the next."""
    stage_side: Literal["right", "left"] = "right"
    """On which side of the tokens already in use those of the next group are put."""
    permuted: bool = False
    """Shuffle the tokens among the samples, so that they say nothing about a completion: a negative control."""

    @field_validator("cuts")
    @classmethod
    def _rising(cls, cuts: dict[str, Cut]) -> dict[str, Cut]:
        for name, cut in cuts.items():
            if isinstance(cut, list) and any(low >= high for low, high in pairwise(cut)):
                raise ValueError(f"{name}: the values to cut at must rise, got {cut}")
        return cuts

    @model_validator(mode="after")
    def _staged_once_each(self) -> Control:
        if twice := next((name for name in self.tokens if self.tokens.count(name) > 1), None):
            raise ValueError(f"tokens: {twice} is named twice")
        staged = [name for group in self.stages for name in group]
        if self.stages and sorted(staged) != sorted(self.tokens):
            raise ValueError(f"stages: expected each of {', '.join(self.tokens) or 'no tokens'} once, got {staged}")
        if not self.stages and (self.stage_rounds, self.stage_side) != (1, "right"):
            raise ValueError("stage_rounds and stage_side apply to stages; set stages too")
        if self.permuted and not self.tokens:
            raise ValueError("permuted: there are no tokens to shuffle; name some in tokens")
        return self

    def cut(self, name: str) -> int | list[float]:
        """How the values of a reward are cut: a number of quantiles, or the values to cut at."""
        return self.cuts.get(name, self.quantiles)

    def count(self, name: str) -> int:
        """How many tokens a reward has."""
        cut = self.cut(name)
        return cut if isinstance(cut, int) else len(cut) + 1

    def in_use(self, fit: int) -> list[str]:
        """The rewards whose tokens a round's fit uses, in the order of the tokens.

        Args:
            fit: number of the round, from 0.
        """
        if not self.stages:
            return list(self.tokens)
        groups = self.stages[: 1 + fit // self.stage_rounds]
        return [name for group in (groups if self.stage_side == "right" else groups[::-1]) for name in group]


def check_quark(config: Config, quark: Quark) -> None:
    """Check quark's section against the rest of the config.

    Args:
        config: the config, whose rewards are known.
        quark: the section `algorithm`.

    Raises:
        WrongKey: a reward is unknown, a stage never begins, the policy could not learn or leave out the tokens, or one
            of TRL's arguments does not work with the loss.
    """
    control, known = quark.control, [*config.rewards, MIX]
    named = {"control.tokens": control.tokens, "control.cuts": control.cuts, "at_least": quark.at_least}
    for key, names in named.items():
        if wrong := next((name for name in names if name not in known), None):
            raise WrongKey(f"algorithm.{key}", f"{wrong!r} is not one of the rewards; {nearest(wrong, known)}")
    if MIX in config.rewards:
        raise WrongKey(f"rewards.{MIX}", "is quark's name for the mix of all rewards; give this reward another name")
    last = (len(control.stages) - 1) * control.stage_rounds + 1
    if last > quark.rounds:
        what = f"the last one begins in round {last}, but there are {quark.rounds} rounds; raise algorithm.rounds"
        raise WrongKey("algorithm.control.stages", what)
    if quark.examples is not None and quark.examples.of != "all":
        raise WrongKey("algorithm.examples.of", "given examples are in the pool of every round; leave it out")
    for name, plain in (("loss_type", "nll"), ("packing", False), ("padding_free", False)):
        if config.trainer.get(name, plain) != plain:
            raise WrongKey(f"trainer.{name}", "does not work with quark, whose reference reads other tokens")
    for name in ("max_length", "label_smoothing_factor"):
        if config.trainer.get(name):
            raise WrongKey(f"trainer.{name}", "does not work with quark, which has its own loss; leave it out")
    if control.tokens and config.policy.lora is not None:
        raise WrongKey("policy.lora", "freezes embeddings, but those of control tokens must be learnt; leave it out")
    if control.tokens and config.sampling.engine != "transformers":
        raise WrongKey("sampling.engine", "may draw control tokens, which transformers alone leaves out here")
