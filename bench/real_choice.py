"""Multiple choice with rationales by a real small model: SFT, then GRPO (`configs/real/choice.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, Row, flat
from real_runs import FOLDER, overrides_of, run_name, source_file, staged_figures, trained_in_stages

from rewards.parts import answer_models

FILE = CONFIGS / "real" / "choice.yaml"
TOLD = 600
"""Training questions from whose rationales the answer models learn."""
JUDGES = FOLDER / "answer_models"
"""The folder of MaRio's answer models, which the config names."""


def make_data(source: Path | None) -> None:
    """Write the questions, and those with their rationales that answer models learn from.

    Args:
        source: the folder of `quarel.jsonl.gz`.

    Raises:
        ValueError: there is no source.
    """
    asked = real_data.choice(source_file(source, "choice", "quarel"))
    real_data.write(FOLDER / "choice.jsonl", asked)
    real_data.write(FOLDER / "choice_told.jsonl", [row for row in asked if row["rationale"]][:TOLD])


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before SFT, after it, and after GRPO, with the mean of each reward.

    A reward that abstained on all answers of an evaluation, such as on those that give no answer, is left out.
    MaRio's answer models are made before the first run that needs them.

    Args:
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    if "MaRio" in arm and not (JUDGES / answer_models.MANIFEST).exists():
        answer_models.main([str(FOLDER / "choice_told.jsonl"), "--start", model, "--out", str(JUDGES), "--epochs", "1"])
    given = overrides_of(FILE, arm, seed, model, f"choice_{seed}", overrides)
    stages = trained_in_stages(FILE, given, run_name("choice", arm, seed))
    last = stages["rl"]
    both = (last.before, last.after)
    judged = [key for key in last.after if key.startswith("rewards/") and all(of[key] for of in both)]
    found = {
        **staged_figures(stages),
        "rewards": {
            key.removeprefix("rewards/"): {"before": last.before[key]["value"], "after": last.after[key]["value"]}
            for key in judged
        },
    }
    return flat({"rung": "choice", "arm": arm, "seed": seed, **found})
