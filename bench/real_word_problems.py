"""Word problems by a real small model: SFT on worked equations, then RL (`configs/real/word_problems.yaml`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, Row, flat, json_lines
from real_runs import FOLDER, kept, marks, overrides_of, run_name, source_file, staged_figures, trained_in_stages

from rl.storage.run_folder import RunFolder

FILE = CONFIGS / "real" / "word_problems.yaml"
DATA = FOLDER / "word_problems.jsonl"
SETS = ("test", "held_out")
"""Splits whose questions are all answered greedily: SVAMP's test set, and questions like those of training."""
MADE_BY = {"before": "sft", "after": "rl"}
"""When a policy is measured → the stage that made it."""


def make_data(source: Path | None) -> None:
    """Write the questions with their worked equations.

    Args:
        source: the folder of `svamp.jsonl.gz`.

    Raises:
        ValueError: there is no source.
    """
    real_data.write(DATA, real_data.word_problems(source_file(source, "word_problems", "svamp")))


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed of this rung; see `figures_of`."""
    return figures_of(FILE, arm, seed, model, overrides)


def figures_of(file: Path, arm: str, seed: int, model: str, overrides: Sequence[str]) -> Row:
    """One arm with one seed: its figures before SFT, after it, and after the second stage.

    Args:
        file: a config of word problems in two stages, which has the name of its rung.
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    given = overrides_of(file, arm, seed, model, f"{file.stem}_{seed}", overrides)
    stages = trained_in_stages(file, given, run_name(file.stem, arm, seed))
    found = {
        **staged_figures(stages),
        **{
            name: {when: greedy_on(name, file, stages[stage].folder, given) for when, stage in MADE_BY.items()}
            for name in SETS
        },
    }
    return flat({"rung": file.stem, "arm": arm, "seed": seed, **found})


def greedy_on(split: str, file: Path, folder: RunFolder, overrides: Sequence[str]) -> Row:
    """Greedy accuracy of a run's policy on all questions of a split, and which of them it answers right.

    It is measured once, and kept in the folder, since all arms of a seed start from the same policy.

    Args:
        split: one of `SETS`.
        file: the config with the task.
        folder: of the run.
        overrides: `key=value`, for the task.

    Returns:
        The figures, and as `right` which questions were answered right.
    """
    from rl.analysis.evaluate_models import configs, evaluate_models

    kept_in = folder.path / f"greedy_on_{split}.json"
    if not kept_in.exists():
        asked = sum(row["split"] == split for row in json_lines(DATA))
        more = [f"task.data.test={DATA}:{split}", f"evaluation.n={asked}", "evaluation.k=0"]
        models = [str(folder.model)]
        (measured,) = evaluate_models(configs([str(file)], models, [*overrides, *more]), models, "test", [])
        found = measured.evaluations[models[0]]
        row = {**kept(found.as_dict()), "right": marks(found.examples, "score")}
        kept_in.write_text(json.dumps(row), encoding="utf-8")
    return json.loads(kept_in.read_text(encoding="utf-8"))
