"""The records of a source of examples: of files and the hub, of the task's train split, or of its demonstrator."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rl.config.examples import DEMONSTRATOR, ExampleSource
from rl.errors import UserError
from rl.tasks.sources import Source, name_and_split, of_split, open_sources
from rl.tasks.task import Task
from verifiers.runtime.names import nearest

TASK = "task"
"""The source that is the task's own train split."""
OF_TASK = (TASK, DEMONSTRATOR)
Record = tuple[str, Mapping[str, Any], str | None]
"""A record's place, its columns, and what is wrong with it."""


def records(source: ExampleSource, task: Task, columns: Mapping[str, str], rng: random.Random) -> Iterator[Record]:
    """The records of a source.

    Args:
        source: one of the config's sources.
        task: the task, loaded.
        columns: name → column of the data, as the source has them.
        rng: of what the demonstrator says.

    Raises:
        UserError: a source that is not there, or a demonstrator or habit that the task does not have.
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
    """The train split as the task's demonstrator answers it, each problem `source.each` times.

    Raises:
        UserError: the task has no demonstrator, or it has no such habit.
    """
    if (demonstrate := task.demonstrate_on) is None:
        raise UserError("algorithm.examples", f"the task {task.name} has no demonstrator; chain and facts do")
    habits = [name for name, one in inspect.signature(demonstrate).parameters.items() if one.kind is one.KEYWORD_ONLY]
    for name in source.habits:
        if name not in habits:
            what = f"habits.{name}: the demonstrator of {task.name} has no such habit; {nearest(name, habits)}"
            raise UserError("algorithm.examples", what)
    for number, row in enumerate(task.splits["train"], start=1):
        for _ in range(source.each):
            yield f"train row {number}", {**row, "completion": demonstrate(row, rng, **source.habits)}, None


def permuted(records: Iterable[Record], columns: Sequence[str], rng: random.Random) -> Iterator[Record]:
    """The records with the values of some columns dealt out anew among them, for negative controls.

    Args:
        records: of one source.
        columns: whose values stay together.
        rng: of the new order.

    Raises:
        UserError: a record without the column.
    """
    rows = list(records)
    for name in columns:
        if lacking := next((place for place, data, _ in rows if name not in data), None):
            raise UserError("algorithm.examples", f"permuted: {lacking} has no column {name!r}")
    order = rng.sample(range(len(rows)), len(rows))
    for (place, data, broken), other in zip(rows, order, strict=True):
        yield place, {**data, **{name: rows[other][1][name] for name in columns}}, broken


def _sources(data: str) -> list[Source]:
    """The sources that are read: those of the split that is named, else the train split where there are several."""
    name, part = name_and_split(data)
    if part is None or Path(data).exists():
        sources = open_sources(data)
        return [one for one in sources if one.split in (None, "train", "training")] or sources
    chosen, there = of_split(open_sources(name), part)
    if not chosen:
        raise UserError("algorithm.examples", f"{name} has no split {part!r}; {nearest(part, there)}")
    return chosen
