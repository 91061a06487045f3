"""`whetstone score`: reads saved completions from a file and scores them with a config's rewards, without training.

The user names the columns to read, or they are found by their usual names: those of TRL, of verl's rollouts (`input`,
`output`, `gts`), of prime-rl's and verifiers' results, of lm-eval's samples (`doc`, `resps`, `target`), and of servers'
responses (a line of OpenAI's batch output, a chat completion, vLLM's outputs). Dots reach nested columns:
`reward_model.ground_truth`. A template such as `{rationale} So the answer is {label}.` builds a completion from several
columns. In a template, the items of a list are joined with blank lines, so `{steps}` is one completion, whereas `steps`
alone would be several completions of one prompt.

A prompt or a completion may be a list of chat messages. In a conversation that holds both, the completion is what
follows the user's last message.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rewards.prototyping.score import score
from rewards.prototyping.table import Scored
from rl.analysis.scoring.found import CONVERSATIONS, IDS, chosen_columns, maker, value_of
from rl.analysis.scoring.row import GROUP, asked, is_share, read_row
from rl.config import Config, layers, load
from rl.config.statements import task_verifier
from rl.errors import UserError
from rl.tasks.sources import Source, open_sources
from rl.terminal import Terminal
from verifiers.runtime.verifier import Verifier

if TYPE_CHECKING:
    from rewards.models.types import Pair, Tokenizer

UNSAID = {"name": "score", "task": "chain", "policy.model": "embedded", "algorithm": "grpo"}
"""The settings that a config needs besides its rewards, for a file that has only rewards; scoring ignores them."""


class Rows(NamedTuple):
    """The content of a file.

    Attributes:
        rows: one mapping per row, with `completion` and all columns of the data.
        columns: field → the column or template it is read from.
        groups: each row's prompt identifier; None if the prompt itself identifies it.
        broken: number of rows left out because they could not be read.
        without: number of rows left out because they have no completion.
        repeated: number of rows left out because they repeat another row under another of lm-eval's filters.
    """

    rows: list[dict[str, Any]]
    columns: dict[str, str]
    groups: list[Any]
    broken: int
    without: int
    repeated: int = 0


class Settings(NamedTuple):
    """A config, and whether it names a task and a policy besides its rewards."""

    config: Config
    has_task: bool
    has_policy: bool


def settings(path: str | None, overrides: Sequence[str] = ()) -> Settings:
    """Read a complete config, or one that has only `rewards:` and possibly `mix:`.

    Args:
        path: path of the config; None if the overrides are all of it.
        overrides: `key=value`, as on the command line.

    Raises:
        UserError: the config is invalid.
    """
    given = layers.merge(layers.read(None if path is None else Path(path), overrides))
    if "rewards" not in given:
        raise UserError(path or "command line", "the config needs `rewards:`, the rewards to score with")
    unsaid = [f"{key}={value}" for key, value in UNSAID.items() if key.partition(".")[0] not in given]
    return Settings(load(path, [*unsaid, *overrides]), "task" in given, "policy" in given)


def read(path: str, columns: Mapping[str, str], *, skip: bool = False) -> Rows:
    """Read completions together with their prompts, golds and other columns.

    Args:
        path: a file, a folder or a hub data set, as `rl.tasks.sources` opens it.
        columns: field → a column of the data, or a template with columns in braces. Fields that are not named are found
            by their usual column names.
        skip: leave out, and count, rows that are broken or have no completion.

    Raises:
        UserError: the file or a column does not exist; without `skip`, a row is broken or has no completion.
    """
    sources = open_sources(path)
    data = [record.columns for source in sources for record in source.records]
    top = list(dict.fromkeys(str(name) for row in data for name in row))
    if not top:
        first = next((f"; the first: {s.records[0].broken}" for s in sources if s.records and s.records[0].broken), "")
        raise UserError(path, f"has no rows{first}")
    chosen = chosen_columns(columns, data, top, path)
    guessed = chosen.get("correct") if "correct" not in columns else None
    if guessed and not all(is_share(value_of(row, guessed)) for row in data):
        del chosen["correct"]  # a usual name, but the column holds something else, such as the right answer
    makers = {target: maker(source) for target, source in chosen.items()}
    if "prompt" not in columns and chosen.get("prompt") in CONVERSATIONS:
        whole = makers["prompt"]
        makers["prompt"] = lambda row: asked(whole(row))
    filters = {row.get("filter") for row in data[:1]} if chosen["completion"] == "resps" else None
    rows, groups, broken, without, repeated = [], [], 0, [], 0
    seen: set[str] = set()
    for source, record in ((s, record) for s in sources for record in s.records):
        if record.broken:
            broken += 1
            if not skip:
                raise UserError(source.place(record), f"{record.broken}; --skip leaves such rows out")
            continue
        if filters and (record.columns.get("filter") not in filters or _is_repeat(record.columns, seen)):
            repeated += 1
            continue
        try:
            row = read_row(record.columns, {target: make(record.columns) for target, make in makers.items()})
        except ValueError as error:
            raise UserError(source.place(record), str(error)) from None
        if row["completion"] is None:
            without.append((source, record))
        else:
            groups.append(row.pop(GROUP, None))
            rows.append(row)
    if without and (not skip or not rows):
        raise UserError(without[0][0].place(without[0][1]), _none_here(chosen["completion"], without, sources))
    if "group" not in chosen and (ids := next((name for name in IDS if name in top), None)):
        groups = [None if row.get("prompt") else row.get(ids) for row in rows]
        if any(group is not None for group in groups):
            chosen["group"] = ids
    return Rows(rows, chosen, groups, broken, len(without), repeated)


def score_rows(
    rows: Rows,
    settings: Settings,
    *,
    verifier: str | None = None,
    tokenizer: str | None = None,
    cache: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Scored:
    """Score the rows of a file.

    Args:
        rows: what `read` returned.
        settings: what `settings` returned.
        verifier: the verifier for rewards that name none; by default that of the config's task, or else math.
        tokenizer: a folder or hub id, for rewards that read token ids.
        cache: a folder in which rewards keep their caches.
        progress: called after each batch with its number of completions.

    Raises:
        UserError: a reward, option, column, tokenizer or policy does not exist.
    """
    config = settings.config
    try:
        judging = _verifier_of(config) if settings.has_task and not verifier else Verifier(verifier or "math")
        return score(
            rows.rows,
            {name: reward.model_dump() for name, reward in config.rewards.items()},
            verifier=judging,
            mix=config.mix.model_dump(),
            groups=rows.groups,
            tokenizer=_tokenizer(tokenizer) if tokenizer else None,
            policy=functools.cache(lambda: _policy(config)) if settings.has_policy else None,
            cache=cache,
            progress=progress,
        )
    except ValueError as error:
        raise UserError("rewards", str(error)) from error


def _is_repeat(row: Mapping[str, Any], seen: set[str]) -> bool:
    """Whether a sample of lm-eval repeats an earlier one: older versions write a row per filter without its name."""
    key = json.dumps([row.get(name) for name in ("doc_id", "doc", "arguments", "resps")], default=str, sort_keys=True)
    repeat = "doc_id" in row and key in seen
    seen.add(key)
    return repeat


def _none_here(column: str, without: Sequence[tuple[Source, Any]], sources: Sequence[Source]) -> str:
    has = ", ".join(name for name, value in without[0][1].columns.items() if value is not None)
    total = sum(len(source.records) for source in sources)
    return (
        f"no completion: {column!r} is empty or missing, as in {len(without):,} of {total:,} rows; this row has "
        f"{has or 'nothing'}. --skip leaves such rows out"
    )


def _verifier_of(config: Config) -> Verifier:
    """The verifier of a config's task, with its options, without the task's data."""
    options = {"trace": config.task.trace} if config.task.name == "addition" else {}
    return Verifier(task_verifier(config), **getattr(config.task, "verifier_options", options))


def _tokenizer(name: str) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError("--tokenizer", f"{name!r} could not be loaded: {str(error).splitlines()[0]}") from error


def _policy(config: Config) -> Pair:
    """The config's policy as (model, tokenizer), loaded when a reward first needs it."""
    from rl import setup, tasks

    setup.quiet(config)
    policy = setup.policy(config, tasks.load(config), Terminal(stderr=True))
    return policy.model, policy.tokenizer
