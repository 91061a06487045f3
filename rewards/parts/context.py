"""What a reward can use of its surroundings: a run, a table of saved completions, or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verifiers.runtime.verifier import Verifier

if TYPE_CHECKING:
    from rewards.models.types import Source


@dataclass(frozen=True)
class Context:
    """What a reward can use of the run, or the notebook, that it is part of.

    Attributes:
        verifier: the task's own verifier, for rewards that ask one and name none.
        policy: gives the policy as it is at the time of the call, as (model, tokenizer); None where there is none.
        rows: rows of the train split, for rewards that measure themselves before training.
        cache: a folder for what a reward keeps from run to run; None for nowhere.
        run: the run's own folder, for state that survives a restart; None where there is no run.
        template_kwargs: variables of the policy's chat template, as its prompts are laid out for sampling.
        base: gives the policy as the run began with it, as (model, tokenizer); None where there is none.
    """

    verifier: Verifier
    policy: Source | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    cache: Path | None = None
    run: Path | None = None
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    base: Source | None = None
