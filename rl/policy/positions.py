"""Looks for prompts that a policy has no room for, before anything is drawn."""

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
"""(name of a split, its rows that are drawn from, the sampling parameters)."""


def check_positions(
    config: Config, task: Task, policy: Policy, console: Console, splits: Sequence[Split] = SPLITS
) -> None:
    """Check that there is room for the prompts that a run draws from (`check_rows`).

    Args:
        config: says how many tokens are drawn.
        task: whose prompts are looked at.
        policy: the loaded policy.
        console: where to warn.
        splits: the splits that are drawn from.

    Raises:
        UserError: as in `check_rows`.
    """
    most, drawn, evaluated = config.evaluation.n, config.sampling.parameters, config.evaluation_parameters
    parts: list[Part] = [
        (split, task.splits[split], drawn) if split == "train" else (split, task.splits[split][:most], evaluated)
        for split in splits
    ]
    check_rows(parts, policy, console)


def check_rows(parts: Sequence[Part], policy: Policy, console: Console) -> None:
    """Refuse prompts past the positions that a policy has learnt; warn of those past what a policy was trained on.

    A policy with an embedding for each position breaks on a longer text. One with rotary positions runs, though it was
    not trained on texts of that length.

    Args:
        parts: the rows, split by split.
        policy: the loaded policy.
        console: where to warn.

    Raises:
        UserError: a prompt and what is drawn after it do not fit into the learnt positions; the row is named.
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
    """(row, tokens of its prompt, tokens that may be drawn) of the rows that are too long together."""
    split, rows, parameters = part
    drawn = parameters["max_tokens"]
    for number, row in enumerate(rows, start=1):
        rendered = render(row["prompt"], policy.tokenizer, parameters["chat_template_kwargs"])
        if len(rendered.text.encode()) + drawn < limit:  # a token has a byte at least, but for one BOS
            continue
        tokens = len(encode(rendered, policy.tokenizer))
        if tokens + drawn > limit:
            yield f"row {number} of the {split} split ({question_of(row['prompt'])[:40]!r})", tokens, drawn
