"""A small policy for a task of reasoning-gym: a Llama from scratch, after supervised steps on gold answers of the task.

The embedded policy needs a demonstrator, which these tasks do not have. Gold answers to problems of the train split
take its place. More than half of the demonstrations give up with a `?` instead, so that the policy knows more than it
says, as a policy does that is worth training. Warm start and cache are the product's. A token is a character; what all
questions begin and end with is a token each.
"""

from __future__ import annotations

import dataclasses
import random
from os.path import commonprefix
from pathlib import Path

from rl.config import ReasoningGymTask, WarmStart
from rl.policy.warm_start import warm_started
from rl.tasks import reasoning_gym
from rl.tasks.task import SPLITS, Task

GIVES_UP = 0.6
"""Share of the demonstrations that give up."""
NO_ANSWER = "?"


def policy(config: ReasoningGymTask, settings: WarmStart) -> Path:
    """The folder of the policy, made now or from the cache.

    Args:
        config: the section of the task.
        settings: size of the policy and of the supervised training; its seed is also that of the problems.
    """
    assert settings.seed is not None
    return warm_started(with_answers(reasoning_gym.build(config, settings.seed)), settings)


def with_answers(task: Task) -> Task:
    """A task whose demonstrator gives up, or gives a gold answer of its train split."""
    rows = task.splits["train"]

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        row = rng.choice(rows)
        return row["prompt"], NO_ANSWER if rng.random() < GIVES_UP else row["gold"]

    return dataclasses.replace(task, vocabulary=vocabulary(task), demonstrate=demonstrate)


def vocabulary(task: Task) -> tuple[str, ...]:
    """The characters of a task's questions and answers, and what all its questions begin and end with."""
    rows = [row for split in SPLITS for row in task.splits[split]]
    questions = [row["prompt"] for row in rows]
    backwards = [question[::-1] for question in questions]
    ends = commonprefix(questions), commonprefix(backwards)[::-1]  # noqa: RUF071  # by characters, as wanted here
    characters = {character for row in rows for character in row["prompt"] + row["gold"]}
    return tuple(sorted({*characters, NO_ANSWER, *filter(None, ends)}))
