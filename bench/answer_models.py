"""The answer models of the consistency reward, for recipes that have it (`bench/papers.py`)."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from rewards.parts.answer_models import fit_answer_models
from rewards.parts.rationale import LAYOUTS
from rl import tasks
from rl.config import load_stages
from rl.policy.warm_start import warm_started

QUESTIONS = 500
"""Train questions that the answer models learn from, the first ones; those of a fold are judged by the other fold's."""


def answer_models(file: Path, seed: int) -> list[str]:
    """The overrides that give a recipe the answer models of its consistency reward; none if it has no such reward.

    Args:
        file: the recipe.
        seed: of the problems and of the policy that the answer models start from.
    """
    stages = load_stages(file, [f"seed={seed}"])
    if not any("consistency" in config.rewards for config in stages.values()):
        return []
    return [f"rewards.consistency.model={_fitted(file, seed).name}"]


@functools.lru_cache(maxsize=1)
def _fitted(file: Path, seed: int) -> tempfile.TemporaryDirectory[str]:
    """A folder of answer models, which start from the policy's own warm start; it is removed at the end."""
    config = next(iter(load_stages(file, [f"seed={seed}"]).values()))
    task, folder = tasks.load(config), tempfile.TemporaryDirectory()
    start = warm_started(task, config.policy.warm_start.model_copy(update={"seed": seed}))
    rows = task.splits["train"][:QUESTIONS]
    fit_answer_models(rows, 2, str(start), folder.name, LAYOUTS["facts"], epochs=2, learning_rate=3e-4, seed=seed)
    return folder
