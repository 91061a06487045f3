"""Sections of the algorithms in rounds: which samples a fit learns from, and with which weights."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rewards.parts.shown import columns_of
from rl.config.section import Positive, Section, without_null


class Pairs(Section):
    """Chosen and rejected completions of a prompt (`rl/examples/pairs.py`)."""

    form: Literal["best_worst", "all", "random"] = "best_worst"
    """The best completion against the worst; every right one against every wrong one, starting from the largest
    difference of scores; or right ones against wrong ones in random order, whatever their scores."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """Difference of the judged scores that a pair must exceed."""
    cap: Positive = 4
    """Largest number of pairs per prompt."""
    balance_length: bool = False
    """Prefer pairs for which the chosen and the rejected completions of the prompt are equally long on average."""
    cut_off: bool = True
    """Whether a truncated completion may be the rejected one; it is never the chosen one."""

    @model_validator(mode="after")
    def _random_has_no_margin(self) -> Pairs:
        if self.form == "random" and (self.margin or self.balance_length):
            raise ValueError("form: random looks at neither scores nor lengths; leave margin and balance_length out")
        return self


class Keep(Section):
    """Which completions to imitate (`rl/examples/keep.py`). One that is wrong, or was cut off, is never kept."""

    threshold: float = 1.0
    """Lowest reward of a completion that is kept."""
    quota: Positive = 4
    """Largest number of completions per prompt."""
    distinct: bool = True
    """Keep one completion per sequence of equations; among near copies, the one that differs most from the others."""
    repeats: bool = False
    """Keep a text as often as it was sampled, so that a fit learns frequencies; goes with `distinct: false`."""
    wrong: bool = False
    """Also keep completions that the verifier judges wrong, if their score reaches the threshold: for rewards of the
    form alone, as in SERT."""

    @model_validator(mode="after")
    def _repeats_are_not_distinct(self) -> Keep:
        if self.repeats and self.distinct:
            raise ValueError("repeats keeps every copy of a text; set distinct: false")
        return self


def all_as_none(value: Any) -> Any:
    """None for the word `all`, which keeps every completion; any other value as it is."""
    return None if value == "all" else value


class FewShot(Section):
    """Worked examples before each prompt while a round is sampled; the fit sees the prompt without them."""

    text: Annotated[str, Field(min_length=1)]
    """The examples, with what separates them from the prompt. In a chat they begin the last message."""
    rounds: Positive | None = 1
    """Number of rounds, from the first on, that are sampled with them; None for all."""


class Hints(Section):
    """STaR's rationalisation: problems without a right completion are sampled again with the answer shown."""

    template: str = "(Answer: {gold})\n{prompt}"
    """The prompt with the answer shown. The fit then learns the completion after the plain prompt."""
    completions: Positive = 4
    """Completions for each problem that has no right completion."""

    @field_validator("template")
    @classmethod
    def _shows_both(cls, template: str) -> str:
        if missing := [name for name in ("{prompt}", "{gold}") if name not in template]:
            raise ValueError(f"{' and '.join(missing)} must be in it")
        if template.rstrip().endswith("{gold}"):
            raise ValueError(
                "the policy would read an answer at the very end as the beginning of its own; put {gold} before "
                "{prompt}, or add text after it"
            )
        return template


class Strategies(Section):
    """Sample a problem under several prompts, and fit on the best one's completions (`rl/examples/strategies.py`)."""

    templates: Annotated[dict[str, str], Field(min_length=1), BeforeValidator(without_null)]
    """Strategy → the prompt that the policy is shown while it samples: `{prompt}`, and columns of the row in braces.
    The fit learns the completions after the plain prompt. Null leaves out a strategy of an included file."""
    keep: Literal["best", "all"] = "best"
    """For each problem, the completions of the strategy with the highest mean reward, or those of all strategies."""
    permuted: bool = False
    """Give each problem the strategy that is the best one of another problem, for a negative control."""

    @field_validator("templates")
    @classmethod
    def _show_the_prompt(cls, templates: dict[str, str]) -> dict[str, str]:
        for name, template in templates.items():
            try:
                names = columns_of(template)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if "prompt" not in names:
                raise ValueError(f"{name}: {template!r} lacks the problem; add {{prompt}}")
        return templates

    @model_validator(mode="after")
    def _permutes_a_choice(self) -> Strategies:
        if self.permuted and (self.keep == "all" or len(self.templates) < 2):
            raise ValueError("permuted exchanges the best strategies of problems; give several, and keep: best")
        return self


class Triplet(Section):
    """The triplet loss of Learn-to-Reason (`rl/algorithms/triplet.py`), added to the likelihood: an example should be
    nearer to another right completion of its problem than to a wrong one that the round sampled."""

    weight: Annotated[float, Field(gt=0)] = 0.5
    """Weight of this loss beside the likelihood."""
    margin: Annotated[float, Field(gt=0)] = 1.0
    """How much nearer, in cosine distance."""


class SpanWeight(Section):
    """The weight of parts of a completion in the loss. If several parts contain a token, the lowest weight applies."""

    pattern: str | None = None
    """Regular expression for the parts: its first group if it has one, otherwise the whole match."""
    column: str | None = None
    """Column with a list of `[start, end]` in characters of the completion."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Weight of these parts."""

    @model_validator(mode="after")
    def _one_kind(self) -> SpanWeight:
        if (self.pattern is None) == (self.column is None):
            raise ValueError("give either a pattern or a column for the parts, not both")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"pattern is not a regular expression ({error})") from None
        return self
