"""`whetstone eval`: evaluates a saved policy on a task and prints the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.console import Console

from rewards.models.state import default_device, move
from rl import setup, tasks
from rl.analysis import console as show
from rl.analysis.evaluation import evaluate, settings_for
from rl.config import Config
from rl.policy.control import saved
from rl.policy.positions import check_positions
from rl.progress import completions_bar
from rl.tasks.task import Split


def evaluate_model(config: Config, split: Split) -> dict[str, Any]:
    """Evaluate `policy.model` on a split of the task, with the settings in `evaluation`.

    Args:
        config: a checked config.
        split: the split to evaluate on.

    Returns:
        The figures with their intervals, and `examples`: each problem with its greedy answer.

    Raises:
        UserError: the model or the task cannot be loaded.
    """
    console = Console(soft_wrap=True)
    setup.quiet(config)
    task = tasks.load(config)
    policy = setup.policy(config, task, console)
    check_positions(config, task, policy, console, [split])
    move(policy.model, default_device())
    settings = settings_for(config, split)
    if (conditioned := saved(policy.path, policy.tokenizer)) is not None:
        console.print("the policy was saved with control tokens; each prompt has its best ones", highlight=False)
        settings = replace(settings, parameters={**settings.parameters, "conditioned": conditioned})
    completions = min(settings.n, len(task.splits[split])) * (1 + settings.k)
    with completions_bar(console, f"{config.policy.model} on {split}", completions) as progress:
        evaluation = evaluate(policy.model, policy.tokenizer, task, split, settings, progress)
    console.print(show.evaluation_table(config.policy.model, evaluation))
    return {**evaluation.as_dict(), "examples": evaluation.examples}
