"""Word problems by a real small model: SFT on worked equations, then RL (`configs/real/word_problems.yaml`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
"""Split of the data → greedy answers to all its questions: SVAMP's test set, and questions like those of training."""


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
    models = {"base": model, "before": str(folders["sft"].model), "after": str(folders["rl"].model)}
    figures = {
        "sampled": {"before": kept(first), "after": kept(last)},
        **{name: greedy_on(name, models, given) for name in SETS},
        "tokens": summaries["rl"]["tokens_generated"],
        "minutes": {name: round(summary["wall_s"] / 60, 1) for name, summary in summaries.items()},
        "steps": summaries["rl"]["steps"],
        "device": summaries["rl"]["device"],
    }
    begun.path.rename(own)
    return flat({"rung": "word_problems", "arm": arm, "seed": seed, **figures})


def greedy_on(split: str, models: Mapping[str, str], overrides: Sequence[str]) -> Row:
    """Greedy accuracy of each model on all questions of a split, and which of them it answers right.

    Args:
        split: one of `SETS`.
        models: when → a folder or hub id.
        overrides: `key=value`, for the task.

    Returns:
        The number of questions, for each of `models` its figures, and its answers as a text with `1` for a right one
        and `0` for a wrong one.
    """
    from rl.analysis.evaluate_models import configs, evaluate_models

    asked = [row for row in json_lines(DATA) if row["split"] == split]
    more = [f"task.data.test={DATA}:{split}", f"evaluation.n={len(asked)}", "evaluation.k=0"]
    found = configs([str(FILE)], [*models.values()], [*overrides, *more])
    (measured,) = evaluate_models(found, [*models.values()], "test", [])
    evaluations = {when: measured.evaluations[path] for when, path in models.items()}
    return {
        "n": len(asked),
        **{when: kept(one.as_dict()) for when, one in evaluations.items()},
        "right": {
            when: "".join(str(int(is_right(row["score"]) or 0)) for row in one.examples)
            for when, one in evaluations.items()
        },
    }
