"""`whetstone score`: saved completions, read from a file and scored with the rewards of a config, without training.

The columns that are read are named by the user or found by their usual names. A template such as
`{rationale} So the answer is {label}.` makes a completion of several columns; in it a list is its items, a blank line
between two, so that `{steps}` is one completion where `steps` alone would be several of one prompt.
"""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rewards.prototyping.score import score
from rewards.prototyping.table import Scored
from rl.config import Config, layers, load
from rl.errors import UserError
from rl.tasks.layout import as_text
from rl.tasks.sources import Source, open_sources
from verifiers.runtime.judge import Judge
from verifiers.runtime.names import nearest

USUAL = {
    "completion": ("completion", "prediction", "output", "solution", "response", "rationale"),
    "prompt": ("prompt", "question", "problem"),
    "gold": ("gold", "answer", "gold_label", "target"),
    "correct": ("correct", "is_correct"),
}
"""What scoring reads → the names it usually has, the likeliest first."""
UNSAID = {"name": "score", "task": "chain", "policy.model": "embedded", "algorithm": "grpo"}
"""What a config needs beside its rewards, for a file that holds these alone. Scoring does not look at it."""


class Rows(NamedTuple):
    """What a file holds.

    Attributes:
        rows: a mapping each, with `completion` and all columns of the data.
        columns: what is read → the column or the template it comes from.
        broken: rows left out because they could not be read.
        without: rows left out because they have no completion.
    """

    rows: list[dict[str, Any]]
    columns: dict[str, str]
    broken: int
    without: int


class Settings(NamedTuple):
    """The rewards of a config, and whether it says more than these: a task of its own, a policy of its own."""

    config: Config
    has_task: bool
    has_policy: bool


def settings(path: str | None, overrides: Sequence[str] = ()) -> Settings:
    """Read a whole config, or one that holds `rewards:` and perhaps `mix:` alone.

    Raises:
        UserError: anything wrong with it.
    """
    given = layers.merge(layers.read(None if path is None else Path(path), overrides))
    if "rewards" not in given:
        raise UserError(path or "command line", "rewards: is needed; it names what to score with")
    unsaid = [f"{key}={value}" for key, value in UNSAID.items() if key.partition(".")[0] not in given]
    return Settings(load(path, [*unsaid, *overrides]), "task" in given, "policy" in given)


def read(path: str, columns: Mapping[str, str], *, skip: bool = False) -> Rows:
    """Read completions and what belongs to them.

    Args:
        path: a file, a folder or a hub data set, as `rl.tasks.sources` opens it.
        columns: what is read → a column of the data, or a template with columns in braces. For those not named, the
            usual names are looked for.
        skip: leave out rows that are broken or hold no completion, and count them.

    Raises:
        UserError: no such file or column; without `skip`, the first row that is broken or holds no completion.
    """
    sources = open_sources(path)
    names = list(dict.fromkeys(str(name) for source in sources for row in source.records for name in row.columns))
    if not names:
        first = next((f"; the first: {s.records[0].broken}" for s in sources if s.records and s.records[0].broken), "")
        raise UserError(path, f"no rows in it{first}")
    chosen = _chosen(columns, names, path)
    guessed = chosen.get("correct") if "correct" not in columns else None
    if guessed and not all(_is_share(record.columns.get(guessed)) for source in sources for record in source.records):
        del chosen["correct"]  # the usual name, but of something else, such as the right answer
    makers = {target: _maker(source) for target, source in chosen.items()}
    rows, broken, without = [], 0, []
    for source, record in ((s, record) for s in sources for record in s.records):
        if record.broken:
            broken += 1
            if not skip:
                raise UserError(source.place(record), f"{record.broken}; --skip leaves such rows out")
            continue
        row = {**record.columns, **{target: make(record.columns) for target, make in makers.items()}}
        if row.get("gold") is not None and row["gold"] == row["gold"]:
            row["gold"] = _as_text(row["gold"]).strip() or None
        if "correct" in row and "correct" not in chosen:
            row["row.correct"] = row.pop("correct")
        if not _is_share(row.get("correct")):
            raise UserError(source.place(record), f"correct: a number in [0, 1] is wanted, got {row['correct']!r}")
        if "correct" in row:
            row["correct"] = _share(row["correct"])
        if isinstance(row["completion"], int | float) and row["completion"] == row["completion"]:
            row["completion"] = as_text(row["completion"])
        if not isinstance(row["completion"], str | list | float | None):
            kind = type(row["completion"]).__name__
            raise UserError(source.place(record), f"the completion is no text, list of texts or chat, but {kind}")
        if row["completion"] is None or row["completion"] == [] or row["completion"] != row["completion"]:
            without.append((source, record))
        else:
            rows.append(row)
    if without and (not skip or not rows):
        raise UserError(without[0][0].place(without[0][1]), _none_here(chosen["completion"], without, sources))
    return Rows(rows, chosen, broken, len(without))


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
        rows: what `read` gave.
        settings: what `settings` gave.
        verifier: who judges where a reward names no verifier; by default the config's task, or else math.
        tokenizer: a folder or hub id, for rewards that read token ids.
        cache: a folder for what rewards keep.
        progress: told after each batch how many completions it had.

    Raises:
        UserError: a reward, option, column, tokenizer or policy that is not there.
    """
    config = settings.config
    try:
        judge = _judge_of(config) if settings.has_task and not verifier else Judge(verifier or "math")
        return score(
            rows.rows,
            {name: reward.model_dump() for name, reward in config.rewards.items()},
            verifier=judge,
            mix=config.mix.model_dump(),
            tokenizer=_tokenizer(tokenizer) if tokenizer else None,
            policy=functools.cache(lambda: _policy(config)) if settings.has_policy else None,
            cache=cache,
            progress=progress,
        )
    except ValueError as error:
        raise UserError("rewards", str(error)) from error


def _chosen(columns: Mapping[str, str], names: Sequence[str], path: str) -> dict[str, str]:
    """What is read → the column or template it comes from, those named by the user checked."""
    chosen = {}
    for target, source in columns.items():
        for name in _fields(target, source) if "{" in source else [source]:
            if name not in names:
                raise UserError(
                    f"--column {target}", f"{path} has no column {name!r}; {nearest(name, names)} {_has(names)}"
                )
        chosen[target] = source
    for target, usual in USUAL.items():
        found = next((name for name in usual if name in names), None)
        if target not in chosen and found:
            chosen[target] = found
    if "completion" not in chosen:
        raise UserError(
            path,
            f"no column of completions: none is called {', '.join(USUAL['completion'])}. {_has(names)} Name one with "
            f"--column completion=NAME, or make one with a template, --column 'completion={{one}} {{other}}'",
        )
    return chosen


def _has(names: Sequence[str]) -> str:
    return f"Its columns: {', '.join(names)}."


def _fields(target: str, template: str) -> list[str]:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
        template.format(**dict.fromkeys(fields, ""))
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(
            f"--column {target}", f"no template: {error}; a brace of the text itself is written twice"
        ) from None
    return fields


def _maker(source: str) -> Callable[[Mapping[str, Any]], Any]:
    """What makes a value of a row; None where a column it needs is missing."""
    if "{" not in source:
        return lambda row: row.get(source)
    fields = _fields("", source)

    def made(row: Mapping[str, Any]) -> str | None:
        values = {field: row.get(field) for field in fields}
        if any(value is None or value != value for value in values.values()):
            return None
        return source.format(**{field: _as_text(value) for field, value in values.items()})

    return made


def _is_share(value: Any) -> bool:
    """Whether a value says how right a completion is: true, false, a number in [0, 1], or nothing."""
    try:
        share = _share(value)
    except (TypeError, ValueError):
        return False
    return share is None or 0 <= share <= 1


def _share(value: Any) -> float | None:
    """The value as a number, also where a CSV file has it as a word; None for nothing."""
    if isinstance(value, str):
        value = {"true": 1.0, "false": 0.0, "": None}.get(value.strip().lower(), value)
    return None if value is None or value != value else float(value)


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n\n".join(_as_text(item) for item in value)
    return value if isinstance(value, str) else as_text(value)


def _none_here(column: str, without: Sequence[tuple[Source, Any]], sources: Sequence[Source]) -> str:
    has = ", ".join(name for name, value in without[0][1].columns.items() if value is not None)
    total = sum(len(source.records) for source in sources)
    return (
        f"no completion: {column!r} is empty or missing here, as in {len(without):,} of {total:,} rows; this row has "
        f"{has or 'nothing'}. --skip leaves such rows out"
    )


def _judge_of(config: Config) -> Judge:
    """The verifier of a config's task, without its data."""
    if config.task.name == "dataset":
        return Judge(config.task.verifier, **config.task.verifier_options)
    return Judge(config.task.name)


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise UserError("--tokenizer", f"{name!r} could not be loaded: {str(error).splitlines()[0]}") from error


def _policy(config: Config) -> tuple[Any, Any]:
    """The config's policy as (model, tokenizer), when a reward first asks for it."""
    from rich.console import Console

    from rl import tasks
    from rl.runs import setup

    setup.quiet(config)
    policy = setup.policy(config, tasks.load(config), Console(stderr=True))
    return policy.model, policy.tokenizer
