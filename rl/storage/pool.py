"""The pool of judged samples: what the policy wrote in each round and what the rewards said of it.

One parquet file a round, `pool/round_000.parquet`, which pandas reads in a notebook. A file is written to a temporary
name, flushed to disk and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rewards.reward import Text


@dataclass(frozen=True)
class Sample:
    """A judged completion.

    Attributes:
        round: in which it was drawn, from 0.
        row: index of its prompt in the train split.
        prompt: a string, or chat messages.
        completion: its text.
        completion_ids: its tokens, the end-of-text token included where the policy ended it.
        finish: `stop`, or `length` where it was cut off.
        hinted: whether the answer was shown when it was drawn; the prompt here is the plain one.
        score: the mix of the rewards, None where all abstain.
        right: whether the task's verifier calls it right, None where it cannot say.
        rewards: reward name → its value, None where it abstains.
        steps: (start, end, score) of each step that the verifier judged.
    """

    round: int
    row: int
    prompt: Text
    completion: str
    completion_ids: list[int]
    finish: str
    hinted: bool
    score: float | None
    right: bool | None
    rewards: dict[str, float | None] = field(default_factory=dict)
    steps: list[tuple[int, int, float | None]] = field(default_factory=list)


def path_of(folder: Path, number: int) -> Path:
    """The file of a round."""
    return folder / f"round_{number:03d}.parquet"


def write(folder: Path, number: int, samples: Sequence[Sample]) -> None:
    """Write a round, whole or not at all; prompts, rewards and steps are JSON in their columns."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for sample in samples:
        row = asdict(sample)
        rewards = row.pop("rewards")
        row["prompt"], row["steps"] = json.dumps(sample.prompt), json.dumps(sample.steps)
        rows.append({**row, "rewards": json.dumps(rewards), **{f"rewards/{name}": v for name, v in rewards.items()}})
    table = pd.DataFrame(rows).astype({"right": "boolean", "score": "Float64"})
    draft = folder / f".round_{number:03d}.{os.getpid()}"
    with draft.open("wb") as out:
        table.to_parquet(out, index=False)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path_of(folder, number))


def read(folder: Path, number: int) -> list[Sample]:
    """The samples of a round in the order in which they were drawn."""
    table = pd.read_parquet(path_of(folder, number))
    samples = []
    for row in table.to_dict("records"):
        given: dict[str, Any] = {str(name): value for name, value in row.items() if "/" not in str(name)}
        samples.append(
            Sample(
                **{
                    **given,
                    "prompt": json.loads(given["prompt"]),
                    "completion_ids": [int(token) for token in given["completion_ids"]],
                    "score": None if pd.isna(given["score"]) else float(given["score"]),
                    "right": None if pd.isna(given["right"]) else bool(given["right"]),
                    "rewards": json.loads(given["rewards"]),
                    "steps": [(start, end, score) for start, end, score in json.loads(given["steps"])],
                }
            )
        )
    return samples
