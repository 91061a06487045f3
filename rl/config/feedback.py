"""Sections for what SIPF does between sampling and the fit: quotas, filters, and scores by its process reward model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from rl.config.section import Positive, Section, Share, Temperature
from rl.config.wrong_key import WrongKey
from verifiers import VERIFIERS
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config
    from rl.config.algorithms import Rounds


class Quota(Section):
    """Sample a problem again until it has enough right and enough wrong completions (`rl/examples/sift.py`)."""

    right: Annotated[int, Field(ge=0)] = 4
    """Number of new right completions to reach for a problem. If earlier rounds left some, the number is half of
    those, or a quarter of them if they are eight or more."""
    wrong: Annotated[int, Field(ge=0)] = 4
    """The same for wrong completions."""
    calls: Annotated[int, Field(ge=2)] = 3
    """How often a problem is sampled in a round at most, with `sampling.completions` completions each time."""

    @model_validator(mode="after")
    def _of_something(self) -> Quota:
        if not self.right and not self.wrong:
            raise ValueError("asks for neither right nor wrong completions; leave quota out")
        return self


class Sift(Section):
    """Which samples are kept, right and wrong ones alike (`rl/examples/sift.py`)."""

    answered: bool = True
    """Keep only samples in which an answer was found."""
    equations: str | None = None
    """A verifier that finds false equations in steps; samples with one are left out: `steps` for sums in a text,
    `chain` with the option `arithmetic: true`."""
    options: dict[str, Any] = {}
    """Options of that verifier."""
    distinct: bool = True
    """Among a problem's right samples with the same sequence of equations, and likewise among its wrong ones, keep the
    one with the largest edit distance from the others."""


class Process(Section):
    """Score samples for pairs with a process reward model that is trained on new labels in each round.

    A pair's margin is then one of these scores (`rl/rounds/process.py`).
    """

    labels: Literal["monte_carlo", "outcome", "verifier"] = "monte_carlo"
    """What labels steps: continuations by the round's policy; the answer, whose label every step gets, for an outcome
    reward model; or the task's step verifier."""
    k: Positive = 8
    """Number of continuations of each step."""
    threshold: Share = 0.0
    """δ: a step is right if more than this share of its continuations is right."""
    temperature: Temperature = 1.0
    """Temperature of the continuations."""
    max_tokens: Positive | None = None
    """Largest number of tokens in a continuation; by default that of `sampling`."""
    gold: bool = True
    """Whether the task's own solutions are added to the pool's samples, with every step right."""
    start: str = "sampler"
    """The model that training starts from: the policy that sampled the first round (`sampler`), or a path, hub id or
    `stages.NAME`."""
    separator: str | None = None
    """The text between two steps; by default steps are the verifier's, or lines if it judges only answers."""
    pattern: str | None = None
    """A regular expression; each match is a step. `(?m)^(?!The answer is).+$` leaves out the line of the answer."""
    final: Literal["mean", "min", "product", "last"] = "mean"
    """How the scores of a completion's steps become one number."""
    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes of a fit over the labels."""
    batch: Positive = 32
    """Completions in each of its steps."""
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    """Its learning rate."""
    lora: Positive | None = None
    """Rank of the adapters; without it, all weights of the model are trained."""
    head: Literal["one", "two"] = "two"
    """Number of labels of the head: one, or two for the classes wrong and right."""
    lm_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the next-token loss on right steps, added to the loss on the labels."""

    @model_validator(mode="after")
    def _one_way_of_splitting(self) -> Process:
        if self.separator is not None and self.pattern is not None:
            raise ValueError("separator and pattern both say how steps are found; leave one out")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"pattern is not a regular expression ({error})") from None
        return self


def check_feedback(config: Config, rounds: Rounds) -> None:
    """Check the sections for what a run in rounds does between sampling and the fit.

    Args:
        config: the config.
        rounds: the section `algorithm`.

    Raises:
        WrongKey: a key would have no effect, or cannot be combined with another one.
    """
    process, strategies = getattr(rounds, "process", None), getattr(rounds, "strategies", None)
    about_samples = {name: getattr(rounds, name) for name in ("few_shot", "first_sampler", "quota", "sift")}
    for name, given in {**about_samples, "process": process, "strategies": strategies}.items():
        if given is not None and not rounds.samples:
            raise WrongKey(f"algorithm.{name}", "applies to samples, but algorithm.prompts is 0")
    for name in ("hints", "few_shot", "quota"):
        if strategies is not None and getattr(rounds, name) is not None:
            raise WrongKey(
                f"algorithm.{name}", "cannot be combined with algorithm.strategies; leave one of the two out"
            )
    if getattr(rounds, "branched", False) and config.sampling.engine != "transformers":
        raise WrongKey("algorithm.branched", f"is for sampling.engine: transformers, not {config.sampling.engine}")
    if rounds.step_growth > 1 and config.trainer.get("max_steps", -1) < 1:
        raise WrongKey("algorithm.step_growth", "makes trainer.max_steps grow; set that to the first round's steps")
    if rounds.first_sampler is not None and rounds.fit_from != "base":
        raise WrongKey("algorithm.first_sampler", "needs fit_from: base; otherwise set policy.model to that policy")
    if rounds.sift is not None and rounds.sift.equations not in (None, *VERIFIERS):
        what = f"{rounds.sift.equations!r} is not one; {nearest(str(rounds.sift.equations), VERIFIERS)}"
        raise WrongKey("algorithm.sift.equations", what)
    if rounds.sift is not None and rounds.sift.options and rounds.sift.equations is None:
        raise WrongKey("algorithm.sift.options", "are options of a verifier; name it in algorithm.sift.equations")
    pairs = getattr(rounds, "pairs", None)
    if process is not None and pairs is not None and pairs.form == "random":
        raise WrongKey("algorithm.pairs.form", "random ignores scores, so algorithm.process would have no effect")
