"""Tasks of reasoning-gym by a real small model (`configs/real/gym.yaml`); each is an arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import real_data
from harness import CONFIGS, Row, flat
from real_runs import FOLDER, figures, overrides_of, run_name, trained

from rl.config import DatasetTask, ReasoningGymTask, load
from rl.config.embedded import Sizes
from rl.config.layers import arms
from rl.storage.run_folder import read_jsonl

FILE = CONFIGS / "real" / "gym.yaml"
OPTIONS: dict[str, dict[str, Any]] = {
    "needle_haystack": {"min_num_statements": 3, "max_num_statements": 3},
    "simple_equations": {"min_terms": 2, "max_terms": 2, "max_value": 10},
    "family_relationships": {"min_family_size": 4, "max_family_size": 4},
    "number_format": {
        "min_num_candidates": 3,
        "max_num_candidates": 3,
        "min_n": 10,
        "max_n": 1000,
        "max_delta": 1000,
    },
}
"""Task of reasoning-gym → the options with which its questions are made; the names are those of the config's arms."""
LEFT_OUT = {"family_relationships": ("mother-in-law", "father-in-law")}
"""Task → answers whose questions are left out, since they are wrong: reasoning-gym calls a daughter-in-law a
mother-in-law, and a son-in-law a father-in-law."""
SIZES = Sizes(train=1000, validation=60, test=200)


def make_data(source: Path | None) -> None:
    """Write the questions of each task, which need no source."""
    write_gym(FOLDER)


def write_gym(folder: Path) -> None:
    """Write the questions of each task to a file of its own."""
    for name, options in OPTIONS.items():
        task = load(FILE, arms(FILE)[name]).task
        assert isinstance(task, DatasetTask)
        generated = ReasoningGymTask(name="reasoning_gym", dataset=name, options=options, sizes=SIZES)
        rows = real_data.gym(generated, shown=task.template, left_out=LEFT_OUT.get(name, ()))
        real_data.write(folder / f"gym_{name}.jsonl", rows)


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One task with one seed: its figures before and after, and what the most frequent answer alone would have right.

    Args:
        arm: one of the config's arms, the name of the task.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    done = trained(FILE, overrides_of(FILE, arm, seed, model, run_name("gym", arm, seed), overrides))
    found = {**figures(done), "guessed": guessed(read_jsonl(FOLDER / f"gym_{arm}.jsonl"))}
    return flat({"rung": "gym", "arm": arm, "seed": seed, **found})


def guessed(rows: Sequence[Row]) -> float:
    """The share of the test questions whose answer is the most frequent one of training.

    Args:
        rows: of all splits.
    """
    (usual, _), *_ = Counter(row["gold"] for row in rows if row["split"] == "train").most_common(1)
    asked = [row["gold"] for row in rows if row["split"] == "test"]
    return asked.count(usual) / len(asked)
