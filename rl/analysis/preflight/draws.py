"""Draws and judges preflight's completions: groups for the first train problems, and a greedy answer to each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rewards.mixing.mix import Mix
from rewards.models.types import Model
from rewards.sample import Sample
from rl.analysis.preflight.drawn import Drawn
from rl.config import Config
from rl.examples.hints import after_examples
from rl.policy.load import Policy
from rl.sampling.draw import as_samples, sample
from rl.sampling.judge import judge
from rl.tasks.task import Task


@dataclass(frozen=True)
class Draws:
    """The drawn completions.

    Attributes:
        groups: the completions of each problem, as many as in training.
        greedy: the greedy completion of each problem.
        seconds: time of sampling and judging the groups.
    """

    groups: Sequence[Sequence[Drawn]]
    greedy: Sequence[Drawn]
    seconds: float


def draw(
    config: Config,
    task: Task,
    policy: Policy,
    mix: Mix,
    completions: int,
    progress: Callable[[int], None],
    sampler: Model | None = None,
) -> Draws:
    """Draw completions in whole groups, and a greedy one for each group.

    The groups are drawn as in training, after the worked examples of `algorithm.few_shot`; the greedy ones as in
    evaluations, by the policy and without them.

    Args:
        config: a checked config.
        task: the loaded task.
        policy: the loaded policy, on the device on which it runs.
        mix: the rewards; each judges every completion of a group.
        completions: number of completions, rounded up to whole groups.
        progress: is called with the number of completions of each batch.
        sampler: what draws the groups, if it is not the policy (`algorithm.first_sampler`).
    """
    size = config.sampling.completions
    rows = task.splits["train"][: max(1, -(-completions // size))]
    prompts, places = [row["prompt"] for row in rows], range(len(rows))
    parameters = {**config.sampling.parameters, "progress": progress}
    few_shot = getattr(config.algorithm, "few_shot", None)
    shown = prompts if few_shot is None else [after_examples(prompt, few_shot.text) for prompt in prompts]
    started = time.perf_counter()
    drawn = sample(sampler or policy.model, policy.tokenizer, shown, count=size, seed=config.seed, **parameters)
    judged: Sequence[Sample] = judge(as_samples(rows, places, drawn), task.verifier, mix)
    seconds = time.perf_counter() - started
    greedy = sample(policy.model, policy.tokenizer, prompts, **{**parameters, "temperature": None})
    credited = [name for name, reward in config.rewards.items() if reward.credit is not None]
    numbers = [Drawn.of(one, credited) for one in judged]
    groups = [numbers[first : first + size] for first in range(0, len(numbers), size)]
    return Draws(groups, [Drawn.of(one) for one in judge(as_samples(rows, places, greedy), task.verifier)], seconds)
