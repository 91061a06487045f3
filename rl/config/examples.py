"""The `algorithm.examples` section: examples that somebody has, to fit on (`rl/examples/given.py`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rl.config.section import Positive, Section


def _a_file(value: Any) -> Any:
    return {"data": value} if isinstance(value, str) else value


class ExampleSource(Section):
    """One file, folder or hub data set among several."""

    data: str
    """`FILE:NAME` takes the rows whose column `split`, or whose split on the hub, has that name. `task` is the task's
    own train split, with its own solutions where no column holds the completion."""
    rows: Positive | None = None
    """The first so many rows alone."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How often each of its examples is seen, beside the other sources: 2 is twice, 0.5 a random half of them."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Its share of a mix (see `by`), in place of a weight; the shares of all sources sum to 1."""
    columns: dict[str, str] = {}
    """As in the section itself, for this source alone."""


Source = Annotated[ExampleSource, BeforeValidator(_a_file)]


class KeepRules(Section):
    """Which of the given examples are fitted on; every rule must hold. What each one leaves out is counted."""

    right: bool = False
    """Only those that the task's verifier judges right; of a pair, those whose chosen completion is."""
    at_least: dict[str, float] = {}
    """Column, or reward of `rewards:`, → its least value."""
    at_most: dict[str, float] = {}
    """Column, or reward of `rewards:`, → its greatest value."""
    equal: dict[str, Any] = {}
    """Column → its value, or a list of which it has one."""
    distinct: bool = False
    """Of completions of a prompt with the same sequence of equations, the first alone."""
    best_by: str | None = None
    """Column, or reward of `rewards:`, by which a prompt's examples are ranked, the greatest first."""
    per_prompt: Positive | None = None
    """Most examples a prompt: the best by `best_by`, else the first ones."""

    @model_validator(mode="after")
    def _ranked_for_something(self) -> KeepRules:
        if self.best_by is not None and self.per_prompt is None:
            raise ValueError("best_by ranks a prompt's examples; say with per_prompt how many of them are kept")
        return self


class Examples(Section):
    """Completions to imitate, or pairs of a chosen and a rejected one, from files or the hub.

    A source is what a task's `data` may be, or `task`. The prompt is the column `prompt` (text, or chat messages), or
    what the template makes of other columns; the completion is the column `completion`, for pairs `chosen` and
    `rejected`. A conversation (`messages`, or `chosen` and `rejected` as lists of messages) ends with the completion.
    """

    data: str | Annotated[dict[str, Source], Field(min_length=1)]
    """A source, or name → source; the name is the column `source` of its examples."""
    columns: dict[str, str] = {}
    """`prompt`, `completion`, `chosen`, `rejected`, `messages`, `gold`, or what a template shows → column of the data.
    Dots lead into nested columns."""
    template: str | None = None
    """The prompt, with columns in braces; by default the task's, for rows without a column `prompt`."""
    system: str | None = None
    """By default the task's."""
    chat: bool | None = None
    """Whether a prompt that is plain text becomes a chat message; by default as the task says."""
    keep: KeepRules = KeepRules()
    by: Literal["rows", "tokens"] = "rows"
    """What the shares of a mix are of: its examples, or the tokens of their completions. A long and a short form of the
    same solutions at equal rows give the long one many times the tokens."""
    total: Positive | None = None
    """Rows or tokens of a mix; by default as many as its sources have at those shares."""
    on_bad_row: Literal["fail", "skip"] = "fail"

    @model_validator(mode="after")
    def _shares_of_one_mix(self) -> Examples:
        shares = [source.share for source in self.sources.values()]
        if not self.mixed:
            if self.total is not None or self.by != "rows":
                raise ValueError("by and total are about a mix; give each source its share")
        elif None in shares or abs(sum(share or 0.0 for share in shares) - 1) > 1e-6:
            raise ValueError(f"the shares of all sources must be given and sum to 1, got {shares}")
        elif any(source.weight != 1 for source in self.sources.values()):
            raise ValueError("a source has a share or a weight, not both")
        return self

    @property
    def mixed(self) -> bool:
        """Whether the sources have shares of a mix."""
        return any(source.share is not None for source in self.sources.values())

    @property
    def sources(self) -> dict[str, ExampleSource]:
        """Name → source; a lone source has its own name."""
        return {self.data: ExampleSource(data=self.data)} if isinstance(self.data, str) else self.data


GivenExamples = Annotated[Examples, BeforeValidator(_a_file)]
"""The section, or a source alone."""
