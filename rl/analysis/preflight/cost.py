"""Estimates the cost of a training: completions, tokens, and time based on preflight's own draws. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rl.config import Config
from rl.config.algorithms import Ppo, Rounds
from rl.config.generation_cycle import GenerationCycle
from rl.tasks.task import Split

BACKWARD = 2.0
"""The time of a backward pass, in forward passes."""


@dataclass(frozen=True)
class Cost:
    """The cost of a training.

    Attributes:
        completions: number of completions drawn for training.
        evaluated: largest number of completions drawn for evaluations.
        tokens: tokens of both, at the mean length of those drawn.
        seconds: time of sampling, judging, evaluation, and passes of the policy, critic and reference, on one process.
    """

    completions: int
    evaluated: int
    tokens: float
    seconds: float


def cost(
    config: Config, steps: int, tokens: float, draw_seconds: float, pass_seconds: float, problems: Mapping[Split, int]
) -> Cost:
    """Estimate the cost of a training.

    Args:
        config: a checked config.
        steps: optimizer steps of the training; in rounds, those of one fit.
        tokens: mean length of a completion.
        draw_seconds: time of sampling and judging a completion.
        pass_seconds: time of a forward pass over a completion and its prompt.
        problems: number of problems in each split.
    """
    drawn, passes = (_in_rounds if config.algorithm.in_rounds else _online)(config, steps)
    evaluated = _evaluated(config, steps, problems)
    seconds = (drawn + evaluated) * draw_seconds + passes * pass_seconds
    return Cost(drawn, evaluated, (drawn + evaluated) * tokens, seconds)


def _online(config: Config, steps: int) -> tuple[int, float]:
    """Number of completions, and the time of all updates in forward passes over one completion."""
    cycle, trainer, algorithm = GenerationCycle.of(config), config.trainer, config.algorithm
    drawn = -(-steps // cycle.optimizer_steps) * cycle.completions
    each = (1 + BACKWARD) * (trainer.get("num_iterations") or 1)
    each += cycle.optimizer_steps > 1  # the log-probabilities at sampling
    each += bool(trainer.get("beta"))
    if isinstance(algorithm, Ppo):
        each += 1 + (1 + BACKWARD) * algorithm.critic.epochs + 2 * bool(algorithm.kl)
    return drawn, drawn * each


def _in_rounds(config: Config, steps: int) -> tuple[int, float]:
    algorithm, trainer = config.algorithm, config.trainer
    assert isinstance(algorithm, Rounds)
    drawn = algorithm.rounds * algorithm.prompts * config.sampling.completions if algorithm.samples else 0
    batch = trainer.get("per_device_train_batch_size", 8) * (trainer.get("gradient_accumulation_steps") or 1)
    sequences = 2 if algorithm.name in ("dpo", "orpo") else 1
    each = sequences * (1 + BACKWARD + algorithm.uses_reference)
    return drawn, algorithm.rounds * steps * batch * each


def _evaluated(config: Config, steps: int, problems: Mapping[Split, int]) -> int:
    settings = config.evaluation
    test = min(settings.n, problems["test"])
    validation = min(settings.validation_n or settings.n, problems["validation"])
    if config.algorithm.in_rounds:
        assert isinstance(config.algorithm, Rounds)
        times = config.algorithm.rounds + (settings.every > 0)
    else:
        times = -(-steps // settings.every) + 1 if settings.every else 0
    return (2 * test + times * validation) * (1 + settings.k)
