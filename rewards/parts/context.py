"""The context of a reward: a run, a table of saved completions, or a notebook."""

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
    """What a run or a notebook provides to rewards.

    Attributes:
        verifier: the task's verifier, the default for rewards that use a verifier.
        policy: returns the current policy and its tokenizer; None if there is no policy.
        rows: rows of the train split, for rewards that take measurements before training.
        cache: a folder in which rewards cache results between runs; None for no cache.
        run: the run folder, for state that survives a restart; None if there is no run.
        template_kwargs: variables of the policy's chat template, as in sampling.
        base: returns the initial policy of the run and its tokenizer; None if there is none.
    """

    verifier: Verifier
    policy: Source | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    cache: Path | None = None
    run: Path | None = None
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    base: Source | None = None
