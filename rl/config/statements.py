"""The `evaluation.statements` section: answering by several sampled statements (`rl/analysis/statements.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rewards.parts.rationale import OPTIONS, RationaleLayout, layout
from rl.config.section import Positive, Section, Temperature
from rl.config.wrong_key import WrongKey

if TYPE_CHECKING:
    from rl.config import Config


class Statements(Section):
    """Answering with the best of several sampled statements, or with none, as in Crystal; each choice is scored."""

    k: Positive = 10
    """Sampled statements per problem."""
    temperature: Temperature = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.5
    combine: Literal["max", "mean", "product", "vote"] = "max"
    """How the probabilities of a choice, one for each statement and one without any, become one number."""
    model: str | None = None
    """The model that answers: by default the policy, or a frozen one (a path or a hub id) that reads its statements."""
    layout: dict[str, str] = {}
    """As in `algorithm.answering`."""


def task_verifier(config: Config) -> str:
    """The name of the task's verifier, which decides how completions are split."""
    return getattr(config.task, "verifier", config.task.name)  # an embedded task has that of its name, as a rule


def checked_layout(config: Config, key: str, options: Mapping[str, str]) -> RationaleLayout:
    """The layout of completions that a section of the config names.

    Args:
        config: the config.
        key: the section's key.
        options: what the section says.

    Raises:
        WrongKey: an option is unknown or is not a template.
    """
    if unknown := options.keys() - set(OPTIONS):
        raise WrongKey(f"{key}.{min(unknown)}", f"is not one; there are: {', '.join(OPTIONS)}")
    try:
        return layout(options, task_verifier(config))
    except ValueError as error:
        name, _, what = str(error).partition(": ")
        raise WrongKey(f"{key}.{name}", what) from None


def check_statements(config: Config) -> None:
    """Refuse statements if there is nothing to choose from.

    Raises:
        WrongKey: the task has no choices, or the layout is not valid.
    """
    statements = config.evaluation.statements
    if statements is None:
        return
    checked_layout(config, "evaluation.statements.layout", statements.layout)
    if config.task.name in ("chain", "reasoning_gym"):
        raise WrongKey("evaluation.statements", f"chooses among a row's choices, but {config.task.name} has none")
