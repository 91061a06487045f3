"""Checks, before sampling, that prompts and completions fit into the positions of the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from rewards.models.prompts import encode, render
from rewards.models.room import learnt_positions, positions
from rewards.reward import question_of
from rl.config import Config
from rl.errors import UserError
from rl.policy.load import Policy
from rl.tasks.task import Split, Task

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


Part = tuple[str, Sequence[Mapping[str, Any]], Mapping[str, Any]]
"""(name of a split, the rows to sample from, the sampling parameters)."""


def check_positions(
    config: Config, task: Task, policy: Policy, console: Console, splits: Sequence[Split] = SPLITS
) -> None:
    """Check the prompts of a run (`check_rows`).

    Args:
        config: the config, which has the sampling parameters.
        task: the task with the prompts.
        policy: the loaded policy.
        console: the console for warnings.
        splits: the splits to check.

    Raises:
        UserError: as in `check_rows`.
    """
    rows, wanted, evaluated = task.splits, config.evaluation, config.evaluation_parameters
    of: dict[Split, Part] = {
        "train": ("train", rows["train"], config.sampling.parameters),
        "validation": ("validation", rows["validation"][: wanted.validation_n or wanted.n], evaluated),
        "test": ("test", rows["test"][: wanted.n], evaluated),
    }
    check_rows([of[split] for split in splits], policy, console)


def check_rows(parts: Sequence[Part], policy: Policy, console: Console) -> None:
    """Refuse prompts that are too long for learnt position embeddings, and warn of prompts beyond the context length.

    A policy with learnt position embeddings fails on a longer text. A policy with rotary positions runs, although it
    was not trained on texts of that length.

    Args:
        parts: the rows of each split.
        policy: the loaded policy.
        console: the console for warnings.

    Raises:
        UserError: a prompt with its completion may exceed the learnt positions; the message names the row.
    """
    learnt, stated = learnt_positions(policy.model), positions(policy.model)
    limit = learnt or stated
    if limit is None:
        return
    found = [found for part in parts for found in _too_long(part, policy, limit)]
    if not found:
        return
    where, prompt_tokens, drawn = found[0]
    what = f"{where}: its prompt has {prompt_tokens:,} tokens, and up to {drawn:,} more are drawn"
    if learnt is not None:
        raise UserError(
            "task",
            f"{what}, but the policy has learnt {learnt:,} positions; leave such rows out ({len(found):,} of them), or "
            f"lower sampling.max_tokens or evaluation.max_tokens",
        )
    console.print(
        f"warning: {len(found):,} prompts may go past the {limit:,} positions that the policy was made for. {what}",
        style="yellow",
        highlight=False,
    )


def _too_long(part: Part, policy: Policy, limit: int) -> Iterator[tuple[str, int, int]]:
    """(row, tokens of the prompt, tokens of the completion at most) for each row that may exceed the limit."""
    split, rows, parameters = part
    drawn = parameters["max_tokens"]
    for number, row in enumerate(rows, start=1):
        rendered = render(row["prompt"], policy.tokenizer, parameters["chat_template_kwargs"])
        if len(rendered.text.encode()) + drawn < limit:  # a token has at least one byte, except for a BOS token
            continue
        tokens = len(encode(rendered, policy.tokenizer))
        if tokens + drawn > limit:
            yield f"row {number} of the {split} split ({question_of(row['prompt'])[:40]!r})", tokens, drawn
