"""The records of a source of examples: files or the hub, the task's train split, or the task's demonstrator."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rl.config.examples import DEMONSTRATOR, ExampleSource
from rl.errors import UserError
from rl.tasks.dataset import SPLIT_NAMES
from rl.tasks.sources import Source, name_and_split, of_split, open_sources
from rl.tasks.task import Task
from verifiers.runtime.names import nearest

TASK = "task"
"""Names the task's own train split as a source."""
OF_TASK = (TASK, DEMONSTRATOR)
Record = tuple[str, Mapping[str, Any], str | None]
"""A record's place, its columns, and what is wrong with it, if anything."""


def records(source: ExampleSource, task: Task, columns: Mapping[str, str], rng: random.Random) -> Iterator[Record]:
    """The records of a source.

    Args:
        source: one of the config's sources.
        task: the task, loaded.
        columns: the source's mapping from names to columns of the data.
        rng: generator for the demonstrator.

    Raises:
        UserError: the source does not exist, or the task lacks the demonstrator or a habit that the source asks for.
    """
    if source.data == DEMONSTRATOR:
        yield from _demonstrations(source, task, rng)
        return
    if source.data == TASK:
        solve = task.solve if "completion" not in columns else None
        for number, row in enumerate(task.splits["train"], start=1):
            yield f"train row {number}", row if solve is None else {**row, "completion": solve(row)}, None
        return
    for one in _sources(source.data):
        for record in one.records:
            yield one.place(record), record.columns, record.broken


def _demonstrations(source: ExampleSource, task: Task, rng: random.Random) -> Iterator[Record]:
    """The demonstrator's answers to the train split, `source.each` for each problem.

    Raises:
        UserError: the task has no demonstrator, or the demonstrator lacks a habit.
    """
    if (demonstrate := task.demonstrate_on) is None:
        raise UserError("algorithm.examples", f"the task {task.name} has no demonstrator; the embedded tasks do")
    habits = [name for name, one in inspect.signature(demonstrate).parameters.items() if one.kind is one.KEYWORD_ONLY]
    for name in source.habits:
        if name not in habits:
            what = f"habits.{name}: the demonstrator of {task.name} has no such habit; {nearest(name, habits)}"
            raise UserError("algorithm.examples", what)
    for number, row in enumerate(task.splits["train"], start=1):
        for _ in range(source.each):
            yield f"train row {number}", {**row, "completion": demonstrate(row, rng, **source.habits)}, None


def permuted(records: Iterable[Record], columns: Sequence[str], rng: random.Random) -> Iterator[Record]:
    """The records with the values of some columns permuted among them, for negative controls.

    Args:
        records: the records of one source.
        columns: the columns to permute; their values in a record stay together.
        rng: generator of the permutation.

    Raises:
        UserError: a record lacks one of the columns.
    """
    rows = list(records)
    for name in columns:
        if lacking := next((place for place, data, _ in rows if name not in data), None):
            raise UserError("algorithm.examples", f"permuted: {lacking} has no column {name!r}")
    order = rng.sample(range(len(rows)), len(rows))
    for (place, data, broken), other in zip(rows, order, strict=True):
        yield place, {**data, **{name: rows[other][1][name] for name in columns}}, broken


def _sources(data: str) -> list[Source]:
    """The sources to read: those of the named split.

    If none is named, the train split if the data has splits of which one has that name; otherwise all that the data
    does not call validation or test.

    Raises:
        UserError: there is no split of that name, or the data has held-out rows alone.
    """
    name, part = name_and_split(data)
    if part is None or Path(data).exists():
        found = open_sources(data)
        train = [source for source in found if SPLIT_NAMES.get(str(source.split).lower()) == "train"]
        sources = [_trained_on(source) for source in train or found if _may_be_trained_on(source.split)]
        if not any(source.records for source in sources):
            raise UserError("algorithm.examples", f"{data} has no rows for training; name the split, as in {data}:test")
        return sources
    chosen, there = of_split(open_sources(name), part)
    if not chosen:
        raise UserError("algorithm.examples", f"{name} has no split {part!r}; {nearest(part, there)}")
    return chosen


def _trained_on(source: Source) -> Source:
    """A source without the rows whose column `split` has the name of validation or test."""
    if source.split is not None:
        return source
    own = [one for one in source.records if one.broken or _may_be_trained_on(one.columns.get("split"))]
    return source._replace(records=own)


def _may_be_trained_on(split: Any) -> bool:
    return SPLIT_NAMES.get(str(split).lower(), "train") == "train"
