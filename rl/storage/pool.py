"""The pool of judged samples: each round's completions with the judgements of the verifier and the rewards.

There is one parquet file per round, `pool/round_000.parquet`, which pandas can read in a notebook. A file is written
under a temporary name, flushed to disk and renamed, so it is either complete or absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from rewards.sample import Judgement, Sample
from rl.storage.run_folder import draft_of, read_parquet
from verifiers import Step, Verdict


def path_of(folder: Path, number: int) -> Path:
    """The file of a round.

    Args:
        folder: the folder of the pool.
        number: number of the round, from 0.
    """
    return folder / f"round_{number:03d}.parquet"


def write(folder: Path, number: int, samples: Sequence[Sample]) -> None:
    """Write the file of a round, atomically.

    The columns are `round`, `index` (of the prompt in the train split), `prompt` (JSON), `completion`,
    `completion_ids`, `finish_reason`, `thinking`, `hinted`, `strategy`, `reward`, `right`, the value of each reward as
    `rewards/NAME`, and, as JSON, `verdict` and `rewards`.

    Args:
        folder: the folder of the pool; it is made if it is missing.
        number: number of the round, from 0.
        samples: the judged samples of the round.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame([_row(sample) for sample in samples]).astype({"right": "boolean", "reward": "Float64"})
    with draft_of(path_of(folder, number)) as out:
        table.to_parquet(out, index=False)


def read(folder: Path, number: int, rows: Sequence[Mapping[str, Any]]) -> list[Sample]:
    """The samples of a round, in the order of sampling.

    Args:
        folder: the folder of the pool.
        number: number of the round, from 0.
        rows: the train split, from which the samples get their rows.

    Raises:
        UserError: the file is damaged.
    """
    table = read_parquet(path_of(folder, number), "--fresh starts the run again")
    return [_sample(record, rows) for record in table.to_dict("records")]


def _row(sample: Sample) -> dict[str, Any]:
    said = {name: asdict(judgement) for name, judgement in sample.rewards.items()}
    return {
        "round": sample.round,
        "index": sample.index,
        "prompt": json.dumps(sample.prompt),
        "completion": sample.text,
        "completion_ids": list(sample.ids),
        "finish_reason": sample.finish_reason,
        "thinking": sample.thinking,
        "hinted": sample.hinted,
        "strategy": sample.strategy,
        "reward": sample.reward,
        "right": sample.right,
        "verdict": None if sample.verdict is None else json.dumps(asdict(sample.verdict)),
        "rewards": json.dumps(said),
        **{f"rewards/{name}": judgement.value for name, judgement in sample.rewards.items()},
    }


def _sample(record: Mapping[Any, Any], rows: Sequence[Mapping[str, Any]]) -> Sample:
    said, strategy = json.loads(record["rewards"]), record.get("strategy")
    return Sample(
        row=rows[record["index"]],
        text=record["completion"],
        ids=[int(token) for token in record["completion_ids"]],
        finish_reason=record["finish_reason"],
        index=record["index"],
        round=record["round"],
        thinking=record.get("thinking", False),  # earlier versions did not write it
        hinted=record["hinted"],
        strategy=strategy if isinstance(strategy, str) else None,  # pandas reads a missing one as NaN
        verdict=None if record["verdict"] is None else Verdict(**_with_steps(json.loads(record["verdict"]))),
        reward=None if pd.isna(record["reward"]) else float(record["reward"]),
        rewards={name: _judgement(fields) for name, fields in said.items()},
    )


def _judgement(fields: dict[str, Any]) -> Judgement:
    return Judgement(**{**_with_steps(fields), "tokens": tuple(fields.get("tokens", ()))})


def _with_steps(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "steps": tuple(Step(**step) for step in fields["steps"])}
