"""Checks a config's rewards before a run, for `whetstone check`: their options, and the columns that they need.

Imports without torch. What only a reward's model or the user's own code could tell is checked when a run starts.
"""

from __future__ import annotations

from rewards.building.ahead import needed_columns
from rewards.parts.context import Context
from rl.config import Config
from rl.config.named import function_source
from rl.errors import UserError
from rl.tasks.task import Task, refuse_missing_columns


def check_rewards(config: Config, task: Task) -> None:
    """Check each reward of a config.

    Args:
        config: a checked config, whose functions exist (`rl.config.named.missing_on_hub`).
        task: its task, loaded.

    Raises:
        UserError: an option is unknown or invalid, TRL could not call a function, or the data lacks a column.
    """
    context = Context(task.verifier, rows=task.splits["train"], template_kwargs=config.sampling.chat_template_kwargs)
    for name, reward in config.rewards.items():
        key = f"rewards.{name}"
        source = None if reward.function is None else function_source(f"{key}.function", reward.function)
        try:
            columns = needed_columns(name, reward.model_dump(), context, source)
        except ValueError as error:
            raise UserError(key, str(error)) from error
        refuse_missing_columns(name, columns, task.first)
