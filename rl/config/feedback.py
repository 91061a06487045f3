"""Sections of what SIPF does between sampling and the fit: quotas, filters, and process scores of its own making."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from rl.config.section import Positive, Section, Share
from rl.config.wrong_key import WrongKey
from verifiers import VERIFIERS
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config
    from rl.config.algorithms import Rounds


class Quota(Section):
    """Sample a problem again until it has enough right and enough wrong completions (`rl/examples/sift.py`)."""

    right: Annotated[int, Field(ge=0)] = 4
    """New right completions wanted of a problem. Where earlier rounds left some, it is half as many as those, or a
    quarter of them where they are eight or more."""
    wrong: Annotated[int, Field(ge=0)] = 4
    """The same of wrong ones."""
    calls: Annotated[int, Field(ge=2)] = 3
    """Most times that a problem is sampled in a round, `sampling.completions` completions each time."""

    @model_validator(mode="after")
    def _of_something(self) -> Quota:
        if not self.right and not self.wrong:
            raise ValueError("wants neither right nor wrong completions; leave quota out")
        return self


class Sift(Section):
    """Which samples count at all, right and wrong ones alike (`rl/examples/sift.py`)."""

    answered: bool = True
    """Only those in which an answer was found."""
    equations: str | None = None
    """A verifier by whose steps no equation may be false: `steps` for sums in a text, `chain` with the option
    `arithmetic: true`."""
    options: dict[str, Any] = {}
    """Options of that verifier."""
    distinct: bool = True
    """Of a problem's right, and of its wrong ones with the same sequence of equations, the one that differs most from
    the others by edit distance."""


class Process(Section):
    """Score samples for pairs by a process reward model that is labelled and trained anew in each round.

    A pair's margin is then one of these scores (`rl/rounds/process.py`).
    """

    labels: Literal["monte_carlo", "outcome", "verifier"] = "monte_carlo"
    """Who labels steps: continuations by the round's policy; the answer, which each step gets as its label, for an
    outcome reward model; or the task's step verifier."""
    k: Positive = 8
    """Continuations of each step."""
    threshold: Share = 0.0
    """δ: a step is right if a larger share than this of its continuations is."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the continuations."""
    max_tokens: Positive | None = None
    """Of a continuation; by default as in `sampling`."""
    gold: bool = True
    """Whether the task's own solutions are added to the pool's samples, with every step right."""
    start: str = "sampler"
    """What the model is trained from: the policy that sampled the first round (`sampler`), or a path or hub id."""
    separator: str | None = None
    """What stands between two steps; by default steps are those of the task's verifier, or lines if it judges none."""
    pattern: str | None = None
    """A regular expression; each match is a step. `(?m)^(?!The answer is).+$` leaves out the line of the answer."""
    final: Literal["mean", "min", "product", "last"] = "mean"
    """How the scores of a completion's steps become one number."""
    epochs: Annotated[float, Field(gt=0)] = 3.0
    batch: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    lora: Positive | None = None
    """Rank of adapters; without it every weight of the model is trained."""
    head: Literal["one", "two"] = "two"
    """Labels of the head: one, or the classes wrong and right."""
    lm_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the next-token loss on right steps beside the labels' own."""

    @model_validator(mode="after")
    def _one_way_of_splitting(self) -> Process:
        if self.separator is not None and self.pattern is not None:
            raise ValueError("separator and pattern: steps are found in one way; leave one out")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"pattern is not a regular expression ({error})") from None
        return self


def check_feedback(config: Config, rounds: Rounds) -> None:
    """Check what a run in rounds does between sampling and the fit against the rest of the config.

    Args:
        config: the config.
        rounds: the section `algorithm`.

    Raises:
        WrongKey: a key acts on nothing, or does not go with another one.
    """
    process = getattr(rounds, "process", None)
    about_samples = {name: getattr(rounds, name) for name in ("few_shot", "first_sampler", "quota", "sift")}
    for name, given in {**about_samples, "process": process}.items():
        if given is not None and not rounds.samples:
            raise WrongKey(f"algorithm.{name}", "is about samples, and algorithm.prompts is 0")
    if rounds.step_growth > 1 and config.trainer.get("max_steps", -1) < 1:
        raise WrongKey("algorithm.step_growth", "lets trainer.max_steps grow; set that to the first round's steps")
    if rounds.first_sampler is not None and rounds.fit_from != "base":
        raise WrongKey("algorithm.first_sampler", "goes with fit_from: base; else let policy.model be that policy")
    if rounds.sift is not None and rounds.sift.equations not in (None, *VERIFIERS):
        what = f"{rounds.sift.equations!r} is not one; {nearest(str(rounds.sift.equations), VERIFIERS)}"
        raise WrongKey("algorithm.sift.equations", what)
    if rounds.sift is not None and rounds.sift.options and rounds.sift.equations is None:
        raise WrongKey("algorithm.sift.options", "are those of a verifier; name it in algorithm.sift.equations")
    pairs = getattr(rounds, "pairs", None)
    if process is not None and pairs is not None and pairs.form == "random":
        raise WrongKey("algorithm.pairs.form", "random looks at no scores, so algorithm.process would act on nothing")
