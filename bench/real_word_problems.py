"""Word problems by a real small model: SFT on worked equations, then RL (`configs/real/word_problems.yaml`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, QUIET, Row, flat, json_lines
from real_runs import FOLDER, kept, run_name

from rl.config import dump, load_stages
from rl.config.layers import arms
from rl.storage.run_folder import RunFolder
from verifiers.verdict import is_right

FILE = CONFIGS / "real" / "word_problems.yaml"
DATA = FOLDER / "word_problems.jsonl"
SETS = ("test", "held_out")
"""Splits whose questions are all answered greedily: SVAMP's test set, and questions like those of training."""
WHEN = {"before": "sft", "after": "rl"}
"""When a policy is measured → the stage that made it."""


def make_data(source: Path | None) -> None:
    """Write the questions with their worked equations.

    Args:
        source: the folder of `svamp.jsonl.gz`.

    Raises:
        ValueError: there is no source.
    """
    if source is None:
        raise ValueError("word_problems needs --data, a folder with svamp.jsonl.gz")
    real_data.write(DATA, real_data.word_problems(source / "svamp.jsonl.gz"))


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before SFT, after it, and after the second stage.

    The arms of a seed share its SFT. When the second stage is done, its folder is moved to `run_name`.

    Args:
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    from rl.stages import train_stages

    given = [
        *arms(FILE)[arm],
        f"policy.model={model}",
        f"seed={seed}",
        f"name=word_problems_{seed}",
        *QUIET,
        *overrides,
    ]
    stages = load_stages(FILE, [*given, f"logging.folder={FOLDER}"])
    folders = {name: RunFolder(config.run_folder) for name, config in stages.items()}
    own = FOLDER / run_name("word_problems", arm, seed)
    begun = folders["rl"]
    if begun.path.exists() and begun.changes_to(dump(stages["rl"])):  # of an arm that was stopped, and comes again
        raise SystemExit(f"{begun.path} is an unfinished run of another arm: finish that first, or delete it")
    train_stages(stages)
    summaries = {name: json.loads(folder.summary.read_text(encoding="utf-8")) for name, folder in folders.items()}
    first, last = (folders["rl"].evaluation("test", step) for step in (0, summaries["rl"]["steps"]))
    assert first is not None and last is not None
    figures = {
        "base": kept(summaries["sft"]["before"]),
        "sampled": {"before": kept(first), "after": kept(last)},
        **{name: {when: greedy_on(name, folders[stage], given) for when, stage in WHEN.items()} for name in SETS},
        "tokens": summaries["rl"]["tokens_generated"],
        "minutes": {name: round(summary["wall_s"] / 60, 1) for name, summary in summaries.items()},
        "steps": summaries["rl"]["steps"],
        "device": summaries["rl"]["device"],
    }
    begun.path.rename(own)
    return flat({"rung": "word_problems", "arm": arm, "seed": seed, **figures})


def greedy_on(split: str, folder: RunFolder, overrides: Sequence[str]) -> Row:
    """Greedy accuracy of a run's policy on all questions of a split, and which of them it answers right.

    It is measured once, and kept in the folder, since all arms of a seed start from the same policy.

    Args:
        split: one of `SETS`.
        folder: of the run.
        overrides: `key=value`, for the task.

    Returns:
        The figures, and as `right` a text with `1` for each question that was answered right and `0` for each other.
    """
    from rl.analysis.evaluate_models import configs, evaluate_models

    file = folder.path / f"greedy_on_{split}.json"
    if not file.exists():
        asked = sum(row["split"] == split for row in json_lines(DATA))
        more = [f"task.data.test={DATA}:{split}", f"evaluation.n={asked}", "evaluation.k=0"]
        models = [str(folder.model)]
        (measured,) = evaluate_models(configs([str(FILE)], models, [*overrides, *more]), models, "test", [])
        found = measured.evaluations[models[0]]
        right = "".join(str(int(is_right(row["score"]) or 0)) for row in found.examples)
        file.write_text(json.dumps({**kept(found.as_dict()), "right": right}), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))
