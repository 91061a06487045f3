"""The `algorithm.examples` section: existing examples to fit on (`rl/examples/given.py`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rewards.parts.shown import columns_of
from rl.config.section import Positive, Section, Share

DEMONSTRATOR = "demonstrator"
"""The source that is the task's train split, answered by its demonstrator."""


def _a_file(value: Any) -> Any:
    return {"data": value} if isinstance(value, str) else value


def _by_name(value: Any) -> Any:
    return {value: value} if isinstance(value, str) else value


class ExampleSource(Section):
    """One file, folder or hub data set among several."""

    data: str
    """`FILE:NAME` takes the rows whose column `split`, or whose split on the hub, has that name. Without a name, rows
    that the data calls validation or test, or by another usual name (valid, val, dev, eval), are left out. `task` is
    the task's own train split, with the task's solutions if no column holds the completion. `demonstrator` is that
    split with the answers of an embedded task's demonstrator."""
    rows: Positive | None = None
    """Use only this many rows, from the start."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """How often each of its examples is seen: 2 for twice, 0.5 for a random half of them, 0 for not at all."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Its share of a mix (see `by`), instead of a weight; the shares of all sources sum to 1."""
    columns: dict[str, str] = {}
    """As in `algorithm.examples`, for this source alone."""
    each: Positive = 1
    """Number of completions of each problem, one after another; only for `demonstrator`."""
    habits: dict[str, float | str] = {}
    """How the demonstrator answers, as named by `solve` in the task's module; only for `demonstrator`."""
    permuted: list[str] = []
    """Columns whose values are shuffled among the rows, such as `completion`, for a negative control."""

    @model_validator(mode="after")
    def _of_the_demonstrator(self) -> ExampleSource:
        if self.data != DEMONSTRATOR and (self.each > 1 or self.habits):
            raise ValueError(f"each and habits apply to the demonstrator alone: data: {DEMONSTRATOR}")
        return self


Source = Annotated[ExampleSource, BeforeValidator(_a_file)]


class KeepRules(Section):
    """Which of the given examples to fit on; every rule must hold. What each rule leaves out is counted."""

    right: bool = False
    """Only examples that the task's verifier judges right; for pairs, those whose chosen completion is right."""
    at_least: dict[str, float] = {}
    """Column, or reward of `rewards:`, → its lowest value."""
    at_most: dict[str, float] = {}
    """Column, or reward of `rewards:`, → its highest value."""
    equal: dict[str, Any] = {}
    """Column → its value, or a list of values of which it has one."""
    distinct: bool = False
    """Only the first of a prompt's completions with the same sequence of equations."""
    best_by: str | None = None
    """Column, or reward of `rewards:`, by which a prompt's examples are ranked, the highest first."""
    per_prompt: Positive | None = None
    """Largest number of examples per prompt: the best by `best_by`, otherwise the first ones."""

    @model_validator(mode="after")
    def _ranked_for_something(self) -> KeepRules:
        if self.best_by is not None and self.per_prompt is None:
            raise ValueError("best_by ranks a prompt's examples; set per_prompt to the number to keep")
        return self


class Fade(Section):
    """Columns that are shown in the prompt at first and fade away during the fit (`rl/examples/fade.py`)."""

    template: str
    """The prompt that the fit sees: `{prompt}` and the columns that fade, such as `{prompt}{rationale}`."""
    shares: Annotated[list[Share], Field(min_length=1)] = [1.0, 2 / 3, 1 / 3, 0.0]
    """For each stage, the probability with which each sentence of such a column is shown."""
    passes: Positive = 1
    """Passes over the examples in each stage; together, the stages are the whole fit."""

    @field_validator("template")
    @classmethod
    def _shows_the_prompt(cls, template: str) -> str:
        names = columns_of(template)
        if "prompt" not in names or len(names) < 2:
            raise ValueError("expected the prompt and a column, such as {prompt}{rationale}")
        return template


class Examples(Section):
    """Completions to imitate, or pairs of a chosen and a rejected one, from files or the hub.

    A source is what a task's `data` may be, or `task`. The prompt is the column `prompt` (text, or chat messages), or
    what the template makes of other columns; the completion is the column `completion`, for pairs `chosen` and
    `rejected`. A conversation (`messages`, or `chosen` and `rejected` as lists of messages) ends with the completion.
    """

    data: Annotated[dict[str, Source], Field(min_length=1), BeforeValidator(_by_name)]
    """A source, or name → source; the name is the column `source` of its examples. A lone source has its own name."""
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
    """Number of rows or tokens of a mix; by default the largest for which the sources suffice at these shares."""
    form: Literal["words", "equations", "program", "system", "system_and_program", "guide"] | None = None
    """What is made of completions with marked equations, such as `<<3+4=7>>` (`rl/tasks/forms.py`)."""
    fade: Fade | None = None
    of: Literal["all", "failed", "as_many"] = "all"
    """The examples that a round fits on: all of them; those of problems for which it sampled no right answer; or the
    same number, drawn from all of them (`rl/examples/exam.py`)."""
    on_bad_row: Literal["fail", "skip"] = "fail"
    """Whether a row that cannot be read stops the run, or is left out and counted."""

    @model_validator(mode="after")
    def _of_something(self) -> Examples:
        if not any(source.weight for source in self.data.values()):
            raise ValueError("every source has weight 0, so nothing is left to fit on")
        return self

    @model_validator(mode="after")
    def _shares_of_one_mix(self) -> Examples:
        shares = [source.share for source in self.data.values()]
        if not self.mixed:
            if self.total is not None or self.by != "rows":
                raise ValueError("by and total apply to a mix; give each source its share")
        elif None in shares or abs(sum(share or 0.0 for share in shares) - 1) > 1e-6:
            raise ValueError(f"the shares of all sources must be given and sum to 1, got {shares}")
        elif any(source.weight != 1 for source in self.data.values()):
            raise ValueError("a source has a share or a weight, not both")
        return self

    @property
    def mixed(self) -> bool:
        """Whether the sources have shares of a mix."""
        return any(source.share is not None for source in self.data.values())


GivenExamples = Annotated[Examples, BeforeValidator(_a_file)]
"""The section, or a source alone."""
