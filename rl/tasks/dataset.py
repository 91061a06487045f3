"""A task from given rows, in files or a hub data set, mapped to prompts and reference answers.

Every row is read and checked before training. A broken row stops the run with its file and line; with
`on_bad_row: skip` it is left out and counted in `Task.skipped`.

The split of a row is determined by the first of these rules that applies:

1. `data` names a source for each split. All rows of a source go to its split. `SOURCE:SPLIT` takes only the rows of one
   split, as named on the hub or in the source's split column.
2. A hub data set or folder has splits. Those called train, validation and test, or by another usual name (valid, val,
   dev, eval), are read; the others are ignored.
3. The rows have a split column: the one that `split_column` names, or one called `split` if any of its values is such a
   name. Then every row must have one of these names in it.
4. All rows are train.

Validation and test, if the data has none, are cut from train by a hash of the problem, that is, of the columns that the
template shows, without the template's own words. So rewording the template moves no problem to another split. A
repeated prompt within a split is dropped; a prompt that the data has in two splits is an error.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rewards.reward import PASSED
from rl.config import DatasetTask
from rl.errors import UserError
from rl.tasks.layout import BadRow, RowLayout, as_text
from rl.tasks.sources import Source, name_and_split, of_split, open_sources
from rl.tasks.task import SPLITS, Split, Task, refuse_overlap, split_of
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import Verifier, load

SPLIT_NAMES: dict[str, Split] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation",
    "test": "test",
}  # fmt: skip
"""Name of a split in the data → its name here."""

RESERVED = (*PASSED, "self", "completion", "image", "images", "messages", "chosen", "rejected")
"""Columns that a row cannot have: arguments of every reward have these names, or TRL would treat the row as one with
images or as a conversation."""

_log = logging.getLogger(__name__)

Row = dict[str, Any]


class _Assigned(NamedTuple):
    """A source with the split of its rows, or the column that names it."""

    source: Source
    split: Split | None
    column: str | None = None


def build(config: DatasetTask, seed: int) -> Task:
    """Make the task with its three splits, each in an order drawn from the seed.

    A row has `prompt`, `gold`, `question` (what the template shows, if the data has no such column) and every column of
    the data except those in `RESERVED`; a missing value is None. A column of mixed types becomes text. `choices`, in
    any of the usual forms, become `[{label, text}]`, and the template shows them as lines such as `A. the first`. If
    the template shows a column of chat messages, the prompt consists of these messages. `gold` is a text; if any row
    has several answers, it is in all rows a list of texts, any of which counts as right.

    Args:
        config: the config's `task` section.
        seed: random seed for the order of rows.

    Raises:
        UserError: the config does not fit the data, a row is broken, or two splits overlap.
    """
    verifier = _verifier(config)
    layout = RowLayout.of(config, verifier)
    for name in config.columns:
        if name in RESERVED and name not in layout.fields:
            raise UserError(f"task.columns.{name}", "training uses this name itself; give the column another one")
    found: dict[Split, list[tuple[str, Row]]] = {split: [] for split in SPLITS}
    given: set[Split] = set()
    skipped: list[str] = []
    shown = config.data if isinstance(config.data, str) else ", ".join(config.data.values())
    for source, split, column in _assigned(config):
        if not source.records:
            raise UserError(source.name, "has no rows")
        for record in source.records:
            try:
                if record.broken:
                    raise BadRow(record.broken)
                home = split or _split_named(record.columns.get(column or ""), column)
                given.add(home)
                found[home].append(layout.row(record.columns))
            except BadRow as bad:
                if config.on_bad_row == "fail":
                    raise UserError(source.place(record), str(bad)) from None
                skipped.append(f"{source.place(record)}: {bad}")
    if not any(found.values()):
        raise UserError(shown, f"no row of {len(skipped)} can be used; the first: {skipped[0]}")
    _leave_out_reserved([row for split in SPLITS for _, row in found[split]], shown)
    _refuse_mixed_prompts([row for split in SPLITS for _, row in found[split]], shown)
    for split in SPLITS:
        found[split] = _without_repeats(found[split], f"{shown} ({split})")
    # prompts are now unique within train, so rows that are cut from it are in no other split
    refuse_overlap({split: [row for _, row in found[split]] for split in SPLITS}, shown)
    rows = _cut_missing(found, given, config)
    _even_out([row for split in SPLITS for row in rows[split]], verifier, shown)
    if any(not isinstance(row["prompt"], str) and row.get("tools") for split in SPLITS for row in rows[split]):
        _log.warning("%s: the column tools is not shown to the policy, because completions call no tools here", shown)
    if (notice := verifier.set_by(row for split in SPLITS for row in rows[split])) is not None:
        _log.warning("%s: %s", shown, notice)
    for split in SPLITS:
        random.Random(f"dataset {seed} {split}").shuffle(rows[split])
    return Task(
        name="dataset",
        splits=rows,
        verifier=verifier,
        skipped=tuple(skipped),
    )


def _leave_out_reserved(rows: Sequence[Row], where: str) -> None:
    """Remove the columns that training cannot use, with a warning."""
    reserved = [name for name in RESERVED if any(name in row for row in rows)]
    for row in rows:
        for name in reserved:
            row.pop(name, None)
    if reserved:
        _log.warning(
            "%s: the columns %s are left out, because training uses these names itself", where, ", ".join(reserved)
        )


def _refuse_mixed_prompts(rows: Sequence[Row], where: str) -> None:
    if len({isinstance(row["prompt"], str) for row in rows}) > 1:
        raise UserError(
            where, "some prompts are chat messages and some are plain text; task.chat=true makes all of them chats"
        )


def _verifier(config: DatasetTask) -> Verifier:
    try:
        load(config.verifier)
    except ValueError as error:
        raise UserError("task.verifier", str(error)) from None
    try:
        return Verifier(config.verifier, **config.verifier_options)
    except ValueError as error:
        raise UserError("task.verifier_options", str(error)) from None


def _assigned(config: DatasetTask) -> list[_Assigned]:
    """Each source with the split of its rows, or with the column that names it."""
    if isinstance(config.data, str):
        return _assigned_by_data(open_sources(config.data), config)
    assigned: list[_Assigned] = []
    for split in SPLITS:
        if split in config.data:
            assigned += [_Assigned(source, split) for source in _named(config.data[split], split, config)]
    if not assigned:
        raise UserError("task.data", "names no source for any split")
    return assigned


def _assigned_by_data(sources: Sequence[Source], config: DatasetTask) -> list[_Assigned]:
    """Sources with splits from the hub or from a column; without either, all rows are train."""
    if config.split_column is None and (len(sources) > 1 or sources[0].split not in (None, "train")):
        known = [s for s in sources if _known(s.split)]
        if not known:
            names = ", ".join(str(source.split) for source in sources)
            raise UserError(
                str(config.data), f"its splits are {names}; say which is which with task.data.train={config.data}:NAME"
            )
        return [_Assigned(source, SPLIT_NAMES[str(source.split).lower()]) for source in known]
    column = config.split_column
    if column is not None:
        _refuse_missing(column, sources)
    if column is None and any(_known(record.columns.get("split")) for source in sources for record in source.records):
        column = "split"
    return [_Assigned(source, None if column else "train", column) for source in sources]


def _refuse_missing(column: str, sources: Sequence[Source]) -> None:
    rows = [record.columns for source in sources for record in source.records if not record.broken]
    if rows and not any(column in row for row in rows):
        raise UserError("task.split_column", f"no row has a column {column!r}; {nearest(column, rows[0])}")


def _named(data: str, split: Split, config: DatasetTask) -> list[Source]:
    """The sources that `task.data.SPLIT` names; `SOURCE:SPLIT` is one split of a larger source."""
    name, part = name_and_split(data)
    if part is None:
        sources = open_sources(data)
        if len(sources) > 1:
            sources = [source for source in sources if SPLIT_NAMES.get(str(source.split).lower()) == split]
            if len(sources) != 1:
                raise UserError(f"task.data.{split}", f"{data} has no split of that name; write {data}:NAME")
        return sources
    sources, column = open_sources(name), config.split_column or "split"
    chosen, there = of_split(sources, part, column)
    if not chosen:
        on_hub = any(source.split is not None for source in sources)
        what = f"{name} has no split {part!r}" if on_hub else f"no row of {name} has {part!r} in column {column!r}"
        raise UserError(f"task.data.{split}", f"{what}; {nearest(part, there)}")
    return chosen


def _known(name: Any) -> bool:
    return isinstance(name, str) and name.lower() in SPLIT_NAMES


def _split_named(name: Any, column: str | None) -> Split:
    if name is None:
        raise BadRow(f"column {column!r}, which names the split of each row, is empty")
    if not _known(name):
        raise BadRow(
            f"column {column!r} says {name!r}, which is not train, validation or test; "
            f"to use such rows, name them in task.data, as in task.data.train=FILE:{name}"
        )
    return SPLIT_NAMES[name.lower()]


def _without_repeats(found: list[tuple[str, Row]], where: str) -> list[tuple[str, Row]]:
    """The first row of each prompt. A warning counts the repeats, and those with another answer."""
    first: dict[str, tuple[str, Row]] = {}
    differ = 0
    for problem, row in found:
        _, kept = first.setdefault(repr(row["prompt"]), (problem, row))
        differ += kept["gold"] != row["gold"]
    if len(first) < len(found):
        repeats = f"{len(found) - len(first)} rows repeat a prompt and are left out, {differ} with another answer"
        _log.warning("%s: %s", where, repeats)
    return list(first.values())


def _cut_missing(
    found: Mapping[Split, Iterable[tuple[str, Row]]], given: set[Split], config: DatasetTask
) -> dict[Split, list[Row]]:
    """The rows of each split; validation and test are cut from train if the data has none."""
    validation = 0.0 if "validation" in given else config.validation
    test = 0.0 if "test" in given else config.test
    if validation + test >= 1:
        raise UserError(
            "task.validation", f"together with task.test it takes {validation + test:g} of train, which leaves none"
        )
    rows: dict[Split, list[Row]] = {
        split: [row for _, row in found[split]] if split != "train" else [] for split in SPLITS
    }
    for problem, row in found["train"]:
        rows[split_of(problem, validation=validation, test=test)].append(row)
    return rows


def _even_out(rows: Sequence[Row], verifier: Verifier, where: str) -> None:
    """Give every row the same columns, each of a single type, because the trainer keeps rows in a table.

    Raises:
        UserError: a column that the verifier needs has values of several types.
    """
    for column in dict.fromkeys(column for row in rows for column in row if column != "prompt"):
        values = [row.get(column) for row in rows]
        if column == "gold" and any(isinstance(value, list) for value in values):
            values = [[value] if isinstance(value, str) else value for value in values]
        if {type(value) for value in values} <= {str, type(None)}:
            for row, value in zip(rows, values, strict=True):
                row[column] = value
            continue
        import pyarrow  # importing it takes a third of a second, which a table of texts does not need

        try:
            pyarrow.array(values)
        except (pyarrow.ArrowException, OverflowError):
            if column in verifier.columns:
                raise UserError(where, f"column {column!r}, which the verifier needs, mixes types of values") from None
            values = [value if value is None or isinstance(value, str) else as_text(value) for value in values]
        for row, value in zip(rows, values, strict=True):
            row[column] = value
