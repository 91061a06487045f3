"""Chooses what a round's fit learns from: filters the pool, scores it by a process, adds given examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewards.models.types import Model
from rewards.sample import Sample
from rl.config.algorithms import Rounds
from rl.context import RunContext
from rl.errors import UserError
from rl.examples.exam import tailored
from rl.examples.sift import sifted
from rl.rounds.process import ProcessScores
from verifiers.runtime.verifier import Verifier


class Sieve:
    """The filter of `algorithm.sift`; without it, every sample is kept.

    Args:
        run: the context of a run in rounds.

    Raises:
        UserError: the verifier of equations lacks an option, or does not judge steps.
    """

    def __init__(self, run: RunContext) -> None:
        assert isinstance(run.config.algorithm, Rounds)
        self.settings = settings = run.config.algorithm.sift
        self.equations: Verifier | None = None
        if settings is not None and settings.equations is not None:
            try:
                self.equations = Verifier(settings.equations, **settings.options)
            except ValueError as error:
                raise UserError("algorithm.sift.options", str(error)) from None
            if not self.equations.judges_steps:
                raise UserError("algorithm.sift.equations", f"verifier {settings.equations!r} does not judge steps")

    def __call__(self, samples: Sequence[Sample]) -> list[Sample]:
        """The samples that are kept, in their order."""
        if self.settings is None:
            return list(samples)
        how = {"answered": self.settings.answered, "distinct": self.settings.distinct}
        return sifted(samples, equations=self.equations, **how)


class Chooser:
    """Chooses the examples of each round.

    Args:
        run: the context of a run in rounds.
        algorithm: the module of the algorithm, which has `examples`.
        start: folder or hub id of the policy that samples the first round.
        sieve: the filter of the run.

    Raises:
        UserError: the settings do not work with the task or the number of processes.
    """

    def __init__(self, run: RunContext, algorithm: Any, start: str, sieve: Sieve) -> None:
        assert isinstance(run.config.algorithm, Rounds)
        self.run, self.algorithm, self.settings = run, algorithm, run.config.algorithm
        self.sieve = sieve
        process = getattr(self.settings, "process", None)
        self.process = None if process is None else ProcessScores(run, process, start)

    def __call__(
        self, number: int, pool: Sequence[Sample], samples: Sequence[Sample], policy: Model
    ) -> tuple[list[Any], dict[str, Any]]:
        """The examples that a round fits on, and figures about them for the log.

        Args:
            number: number of the round, from 0.
            pool: the samples that the fit may use, including those of the round.
            samples: the round's samples.
            policy: the policy that sampled them.

        Raises:
            UserError: a process reward model has nothing to learn.
        """
        given, pooled = self.run.given, self.settings.pools_examples
        seen: list[Any] = [*(given.examples if given is not None and pooled else []), *self.sieve(pool)]
        counts: dict[str, Any] = {}
        if self.settings.sift is not None:
            counts["rounds/sifted"] = len(seen)
        if self.process is not None and seen:
            seen, figures = self.process.scored(number, seen, policy)
            counts |= figures
        examples: list[Any] = []
        if seen:
            examples, of_them = self.algorithm.examples(seen, self.settings)
            counts |= of_them
        if given is not None and not pooled:
            assert self.settings.examples is not None
            own = tailored(given.examples, samples, self.settings.examples.of, self.run.config.seed + number)
            examples, counts = [*examples, *own], {**counts, "rounds/given": len(own)}
        return examples, counts
