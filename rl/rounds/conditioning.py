"""How a run in rounds uses control tokens: when prompts have them, and how they are saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from transformers import PreTrainedModel

from rewards.models.types import Model
from rl.analysis.evaluation import Evaluation, EvaluationSettings
from rl.config.algorithms import Quark
from rl.context import RunContext
from rl.policy.control import Conditioned, add_embeddings, save

SHOWN = ("greedy", "chain")
"""Metrics of an evaluation on the worst tokens, besides those of rewards."""


class Conditioning:
    """The control tokens of a run; without any, nothing here has an effect.

    Args:
        context: the loaded parts of the run.
    """

    def __init__(self, context: RunContext) -> None:
        self.control, self.tokenizer, self.seed = context.policy.control, context.tokenizer, context.config.seed
        algorithm = context.config.algorithm
        self.settings = algorithm.control if isinstance(algorithm, Quark) else None

    def extended(self, model: Model) -> Model:
        """A fresh copy of the initial policy, with the embeddings of the control tokens."""
        if self.control is not None:
            assert isinstance(model, PreTrainedModel), "a policy with adapters was refused"
            add_embeddings(model, self.control, self.seed)
        return model

    def best(self, fits: int) -> Conditioned | None:
        """The best tokens for prompts, or no tokens before a fit has taught the policy what they mean.

        Args:
            fits: number of finished fits.
        """
        return None if self.control is None else self.control.on(self.control.best(self._in_use(fits)))

    def save(self, folder: Path, number: int) -> None:
        """Save a policy's best tokens next to it.

        Args:
            folder: the folder of the policy.
            number: number of the round whose fit made it, from 0.
        """
        if self.control is not None:
            save(folder, self.control, self._in_use(number + 1), self.tokenizer)

    def evaluated(
        self, once: Callable[[EvaluationSettings], Evaluation], settings: EvaluationSettings, fits: int
    ) -> Evaluation:
        """An evaluation on the best tokens, with the figures on the worst ones as `worst/…`.

        Args:
            once: evaluates with given settings.
            settings: the settings of the run.
            fits: number of finished fits.
        """
        if (best := self.best(fits)) is None or self.control is None:
            return once(settings)
        found = once(settings.conditioned_on(best))
        if not fits:
            return found
        worst = self.control.on(self.control.worst(self._in_use(fits)))
        other = once(replace(settings.conditioned_on(worst), k=0, statements=None))
        shown = {name: of for name, of in other.metrics.items() if name in SHOWN or name.startswith("rewards/")}
        beside = {f"worst/{name}": of for name, of in shown.items()}
        return replace(found, metrics={**found.metrics, **beside}, tokens=found.tokens + other.tokens)

    def _in_use(self, fits: int) -> list[str]:
        """The rewards whose tokens the last fit used."""
        return self.settings.in_use(fits - 1) if self.settings is not None and fits else []
