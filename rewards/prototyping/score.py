"""Scores saved completions with any rewards, without a policy and without training: `rewards.score` in a notebook.

Each reward gets what it would get in a run: prompts, completions and the columns of the data. If something that it
needs is missing (a column, the prompts, a tokenizer, a policy), the error names it; nothing is substituted.
"""

from __future__ import annotations

import copy
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewards import REWARDS
from rewards.building.build import build
from rewards.correctness import Correctness
from rewards.mixing.mix import Mix
from rewards.parts.context import Context
from rewards.parts.thinking import OPENING, of_the_text
from rewards.prototyping.groups import batches, grouped
from rewards.prototyping.rows import GROUP, readable, rows_of
from rewards.prototyping.table import OWN_COLUMNS, Scored, Steps
from rewards.reward import PASSED, Reward, Scores, Text, text_of
from verifiers.answer.completion import closes, leaves_open
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import Verifier

if TYPE_CHECKING:
    from rewards.models.types import Source

Rewards = str | Reward | Callable[..., Any] | Mapping[str, Any] | Sequence[Any]
_log = logging.getLogger(__name__)
BATCH = 1000
"""Completions per batch; the completions of a prompt are always in the same batch."""


def score(
    completions: Sequence[Any],
    rewards: Rewards,
    *,
    prompts: Sequence[Text] | None = None,
    gold: Sequence[Any] | None = None,
    correct: Sequence[Any] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    groups: Sequence[Any] | None = None,
    verifier: str | Verifier = "math",
    mix: Mapping[str, Any] | None = None,
    tokenizer: Callable[..., Any] | None = None,
    policy: Source | None = None,
    cache: Path | None = None,
    batch: int = BATCH,
    progress: Callable[[int], None] | None = None,
) -> Scored:
    """Score completions with rewards; the result is a table with every component and methods to analyse it.

    Args:
        completions: N texts or lists of chat messages; a list of texts contains several completions of one prompt. Or
            rows, which are mappings with `completion` and other columns, or a pandas DataFrame of such rows.
        rewards: as in a config, name → settings (`{"correctness": {"verifier": "math"}, "length": {}}`), where
            `function` may be the function itself or a `Reward` (`{"mine": {"function": brevity, "weight": 0.1}}`); or
            names, `Reward`s, functions with TRL's signature; one or a list, or name → one of these.
        prompts: N prompts. The completions of a prompt form a group, in any order; one without a prompt is a group of
            its own.
        gold: N gold answers; None for none.
        correct: N numbers in [0, 1], how right each completion is; None if unknown.
        columns: further columns of N values each, as in the data of a run.
        groups: N values that are equal for completions of a group, if the prompt does not determine it; None if it
            does.
        verifier: the default verifier of rewards that use one, like the task's verifier in a run.
        mix: settings of the mix, as in a config. Its error budget is not applied: failures are in the table.
        tokenizer: a callable such as transformers' tokenizers, for rewards that use token ids.
        policy: returns a model and its tokenizer, for rewards that use the policy.
        cache: a folder in which rewards cache results.
        batch: completions per batch.
        progress: called after each batch with its number of completions.

    Raises:
        ValueError: an unknown reward, option or verifier; a column that a reward needs is missing (named, with those
            that are there), or the prompts are; columns of different lengths or given twice; no completion at all.
    """
    if tokenizer is not None and not callable(tokenizer):
        raise ValueError(
            f"tokenizer: expected a tokenizer that can be called, as those of transformers, got {tokenizer!r}"
        )
    given = {"prompt": prompts, "gold": gold, "correct": correct, GROUP: groups, **(columns or {})}
    rows = rows_of(completions, {name: values for name, values in given.items() if values is not None})
    table = {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
    judging = Verifier(verifier) if isinstance(verifier, str) else verifier
    mixed = made(rewards, Context(judging, policy, rows, cache), mix)
    for reward in mixed.rewards:
        if reward.name in OWN_COLUMNS:
            raise ValueError(f"a reward cannot be called {reward.name!r}: the table has a column of that name")
    _refuse_missing(mixed, table)
    for verifying in {id(one): one for reward in mixed.rewards if (one := _verifier_of(reward)) is not None}.values():
        if (notice := verifying.set_by(rows)) is not None:
            _log.warning(notice)
    named = table.pop(GROUP, [None] * len(rows))
    if mixed.aggregation == "normalise_then_sum" and "prompt" not in table and named.count(None) == len(named):
        raise ValueError("mix: normalise_then_sum compares the completions of a prompt, and the data has no prompts")
    groups, asked = grouped(table.get("prompt", [None] * len(rows)), named)
    reserved = ("prompt", "completion", *PASSED, "self")
    parts: dict[str, list[Scores]] = {reward.name: [] for reward in mixed.rewards}
    values: list[float | None] = [None] * len(rows)
    seconds = dict.fromkeys(parts, 0.0)

    def log(name: str, value: float) -> None:
        reward = name.removeprefix("rewards/").removesuffix("/seconds")
        if reward in seconds and name.endswith("/seconds"):
            seconds[reward] += value

    order: list[int] = []
    logged: dict[str, list[Any]] = {}
    for chosen in batches(groups, batch):
        told = {name: [table[name][row] for row in chosen] for name in table if name not in reserved}
        texts: list[Any] = [table["completion"][row] for row in chosen]
        drafts = [_is_draft(table.get("prompt"), row, text) for row, text in zip(chosen, texts, strict=True)]
        read = [OPENING + text if draft else text for text, draft in zip(texts, drafts, strict=True)]
        logging_to = {"log_metric": log, "log_extra": functools.partial(_keep, logged, chosen, len(rows))}
        scores = mixed.score([asked[row] for row in chosen], read, _ids(texts, tokenizer), **told, **logging_to)
        for name, part in scores.parts.items():
            shifted = [of_the_text(of) if draft else of for of, draft in zip(part.steps, drafts, strict=False)]
            parts[name].append(replace(part, steps=shifted))
        for row, value in zip(chosen, scores.values, strict=True):
            values[row] = value
        order += chosen
        if progress:
            progress(len(chosen))
    joined = {name: _joined(batches, order) for name, batches in parts.items()}
    exact = [reward.name for reward in mixed.rewards if isinstance(reward, Correctness)]
    truth = "correct" if "correct" in table else exact[0] if exact else None
    table |= {f"log.{name}" if name in table else name: of for name, of in logged.items()}
    return Scored.of(table, groups, values, joined, seconds, truth)


def made(rewards: Rewards, context: Context, mix: Mapping[str, Any] | None = None) -> Mix:
    """The mix of the rewards given to `score`, without an error budget, since the table shows failures.

    Args:
        rewards: the rewards, as in `score`.
        context: the context of the rewards.
        mix: settings of the mix, as in a config.

    Raises:
        ValueError: there is no such reward or option, two rewards have the same name, or there are none.
    """
    if isinstance(rewards, Mix):
        lifted = copy.copy(rewards)  # the caller's mix keeps its budget
        lifted.error_budget = 1.0
        return lifted
    settings: dict[str, Mapping[str, Any]] = {}
    for name, reward in _named(rewards):
        if name in settings:
            raise ValueError(f"two rewards are called {name!r}; give them names: {{'one': …, 'other': …}}")
        settings[name] = {"function": reward} if callable(reward) else reward or {}
        kind = settings[name].get("kind") or name
        if not settings[name].get("function") and kind not in REWARDS:
            raise ValueError(f"there is no reward {kind!r}; {nearest(kind, REWARDS)}")
    if not settings:
        raise ValueError("name at least one reward")
    built = build(settings, context, mix)
    built.error_budget = 1.0
    return built


class _NoIds(Sequence):
    """A placeholder for missing token ids; a reward that reads it fails with a message about what is missing."""

    def __len__(self) -> int:
        raise ValueError(
            "it reads token ids, and there is no tokenizer to make them; name one with --tokenizer or tokenizer="
        )

    def __getitem__(self, index: Any) -> Any:
        return len(self)


def _keep(logged: dict[str, list[Any]], chosen: Sequence[int], count: int, name: str, values: Sequence[Any]) -> None:
    """Keep a column that a reward logs for a batch, but not those of the mix, which are in its scores."""
    if not name.startswith("rewards/"):
        column = logged.setdefault(name, [None] * count)
        for row, value in zip(chosen, values, strict=True):
            column[row] = value


def _is_draft(prompts: Any, row: int, completion: Any) -> bool:
    """Whether a completion stays in a thought that its prompt opened; of a chat only the template knows."""
    prompt = prompts[row] if prompts else None
    if not isinstance(prompt, str) or not isinstance(completion, str):
        return False
    return leaves_open(prompt) and not closes(completion)


def _verifier_of(reward: Reward) -> Verifier | None:
    """The verifier that a reward asks about whole rows; None if it asks none."""
    verifier = getattr(reward, "verifier", None)
    return verifier if isinstance(verifier, Verifier) and reward.columns else None


def _ids(texts: Sequence[Any], tokenizer: Callable[..., Any] | None) -> list[Any]:
    if tokenizer is None:
        return [_NoIds()] * len(texts)
    return tokenizer([readable(text_of(text)) for text in texts], add_special_tokens=False)["input_ids"]


def _named(rewards: Rewards) -> list[tuple[str, Any]]:
    if isinstance(rewards, Mapping):
        return list(rewards.items())
    several = [rewards] if isinstance(rewards, str | Reward) or callable(rewards) else list(rewards)
    found = []
    for reward in several:
        if isinstance(reward, str):
            found.append((reward, None))
        elif isinstance(reward, Reward) or callable(reward):
            found.append((_name_of(reward), reward))
        else:
            raise ValueError(f"a reward is a name, a Reward or a function, not {type(reward).__name__}")
    return found


def _name_of(reward: Any) -> str:
    """The name of a reward without one in the settings: its own, or that of its function or class."""
    while isinstance(reward, functools.partial):
        reward = reward.func
    name = getattr(reward, "name", None)
    return name if isinstance(name, str) and name else getattr(reward, "__name__", type(reward).__name__)


def _refuse_missing(mixed: Mix, table: Mapping[str, Sequence[Any]]) -> None:
    there = [name for name, values in table.items() if any(value is not None for value in values)]
    for reward in mixed.rewards:
        for column in (*reward.columns, *(["prompt"] if reward.reads_prompt else [])):
            if column not in there:
                raise ValueError(
                    f"reward {reward.name!r} needs a column {column!r}, which the data lacks; it has: "
                    f"{', '.join(there)}"
                )


def _joined(batches: Sequence[Scores], order: Sequence[int]) -> Scores:
    """The scores of several batches combined, in the original order of the rows."""
    count = len(order)
    whole = Scores([None] * count, [()] * count)
    steps: list[Steps] = whole.steps
    start = 0
    for part in batches:
        rows = order[start : start + len(part.values)]
        for place, row in enumerate(rows):
            whole.values[row] = part.values[place]
            if part.steps:
                steps[row] = part.steps[place]
        for name, values in part.columns.items():
            column = whole.columns.setdefault(name, [None] * count)
            for place, row in enumerate(rows):
                column[row] = values[place]
        whole.failures.update({rows[place]: error for place, error in part.failures.items()})
        start += len(rows)
    return whole if any(steps) else replace(whole, steps=[])
