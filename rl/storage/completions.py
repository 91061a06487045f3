"""The files of completions in a run folder, `completions/step_000010.parquet`: a row for each sampled completion.

Columns of every run: `step`, `prompt`, `gold` (JSON unless it is text), `completion`, `rewards/NAME` for each reward,
`reward`, `right` (None if the verifier could not judge), its `reason`, `finish_reason`, and `judged_steps` (its
verdicts on the steps, as JSON). Online runs have `advantage` as well, runs in rounds `hinted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
from pyarrow import parquet

from rewards.prototyping.rows import storable
from rewards.sample import Sample
from rl.storage.run_folder import RunFolder, draft_of, read_parquet
from verifiers import Step

STEP = tuple(field.name for field in fields(Step))


def columns_of(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """The columns that the verdicts give, each with one value per sample.

    Args:
        samples: judged samples.
    """
    return {
        "gold": [gold if isinstance(gold := one.row.get("gold"), str) else json.dumps(gold) for one in samples],
        "right": [one.right for one in samples],
        "reason": [None if one.verdict is None else one.verdict.reason for one in samples],
        "finish_reason": [one.finish_reason for one in samples],
        "judged_steps": [json.dumps([_as_dict(step) for step in one.steps]) for one in samples],
    }


def steps_of(judged_steps: str) -> tuple[Step, ...]:
    """The steps in a value of the column `judged_steps`."""
    return tuple(Step(**step) for step in json.loads(judged_steps))


def write(folder: RunFolder, step: int, table: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Write the file of a step, atomically, and return what is in it: column → a value for each completion.

    Args:
        folder: the run folder.
        step: optimizer steps so far.
        table: column → a value for each completion.
    """
    columns = {name: storable(values) for name, values in table.items()}
    rows = len(next(iter(columns.values())))
    written = pyarrow.table({"step": pyarrow.array([step] * rows), **columns})
    with draft_of(folder.completions / f"step_{step:06d}.parquet") as out:
        parquet.write_table(written, out)
    return written.to_pydict()


def read(folder: RunFolder, files: int | None = None) -> pd.DataFrame:
    """The recorded completions, in the order of sampling; a table without rows and columns if there are none.

    Args:
        folder: the run folder.
        files: the number of files to read, the last ones; None for all of them.

    Raises:
        UserError: a file is damaged.
    """
    found: list[Path] = sorted(folder.completions.glob("step_*.parquet"))
    tables = [read_parquet(file, "delete it, and it is left out") for file in found[-files if files else None :]]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _as_dict(step: Step) -> dict[str, Any]:
    """As `dataclasses.asdict`, which takes four times as long, since it copies what is inside."""
    return {name: getattr(step, name) for name in STEP}
