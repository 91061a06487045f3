"""Reads given examples from files or the hub: each with its prompt, one completion or a pair, and its other columns.

`rl/examples/row_reader.py` says how a row becomes an example. A row that cannot be used stops the run with an error
that names its file and line, or is skipped and counted if the config says `on_bad_row: skip`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rl.config import Config
from rl.config.algorithms import Rounds
from rl.config.examples import Examples
from rl.config.sections import Task as TaskSettings
from rl.errors import UserError
from rl.examples.records import OF_TASK, permuted, records
from rl.examples.row_reader import IMITATED, PREFERRED, GivenRow, RowReader
from rl.tasks.layout import BadRow
from rl.tasks.sources import is_hub_id, name_and_split
from rl.tasks.task import Task


@dataclass(frozen=True)
class GivenRows:
    """The examples of all sources.

    Attributes:
        rows: the usable examples, source by source, in order.
        skipped: `file:line: reason` for each of the others.
    """

    rows: Mapping[str, list[GivenRow]]
    skipped: tuple[str, ...]


def rows_of(config: Config, task: Task) -> GivenRows | None:
    """The given examples of a run as read; None if its config names none.

    Args:
        config: a checked config.
        task: its task, loaded.

    Raises:
        UserError: a source does not exist, or a row cannot be used.
    """
    algorithm = config.algorithm
    if not isinstance(algorithm, Rounds) or algorithm.examples is None:
        return None
    wanted = IMITATED if algorithm.trl_config == "SFTConfig" else PREFERRED
    return read(algorithm.examples, task, config.task, wanted, config.seed)


def is_on_hub(settings: Examples) -> bool:
    """Whether reading the examples needs the hub."""
    sources = (source.data for source in settings.data.values() if source.data not in OF_TASK)
    return any(is_hub_id(name_and_split(data)[0]) for data in sources)


def read(settings: Examples, task: Task, layout: TaskSettings, wanted: Sequence[str], seed: int = 0) -> GivenRows:
    """Read all sources.

    Args:
        settings: the config's `algorithm.examples`.
        task: the task, loaded; its verifier and its splits are used.
        layout: the config's `task` section; its columns, template, system message and `chat` are the defaults.
        wanted: `IMITATED` or `PREFERRED`.
        seed: seed of the demonstrator and of the permutation of columns.

    Raises:
        UserError: a source does not exist or is empty, or a template or a row cannot be used.
    """
    reader = RowReader(settings, task, layout, wanted)
    rows: dict[str, list[GivenRow]] = {}
    skipped: list[str] = []
    for name, source in settings.data.items():
        rows[name] = []
        rng = random.Random(f"examples of {name} {seed}")
        found = islice(records(source, task, {**reader.own, **source.columns}, rng), source.rows)
        for place, data, broken in permuted(found, source.permuted, rng) if source.permuted else found:
            try:
                if broken:
                    raise BadRow(broken)
                rows[name].append(reader.row(place, data, name, source.columns))
            except BadRow as bad:
                if settings.on_bad_row == "fail":
                    raise UserError(place, str(bad)) from None
                skipped.append(f"{place}: {bad}")
        if not rows[name]:
            first = f"; the first: {skipped[-1]}" if skipped else ""
            raise UserError("algorithm.examples", f"{source.data} has no example that can be used{first}")
        if all(one.told for one in rows[name]):
            first, others = rows[name][0], "" if len(rows[name]) == 1 else f", and so do all {len(rows[name]):,}"
            raise UserError(first.place, f"its prompt ends with its completion: {first.texts[0][:60]!r}{others}")
    return GivenRows(rows, tuple(skipped))
