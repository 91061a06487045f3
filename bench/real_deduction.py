"""Short proofs by a real small model: SFT on gold proofs, then GRPO (`configs/real/deduction.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, Row, flat
from real_runs import (
    FOLDER,
    changes,
    marks,
    overrides_of,
    run_name,
    source_file,
    staged_figures,
    trained_in_stages,
)

FILE = CONFIGS / "real" / "deduction.yaml"


def make_data(source: Path | None) -> None:
    """Write the questions with their proofs.

    Args:
        source: the folder of `prontoqa.jsonl.gz`.

    Raises:
        ValueError: there is no source.
    """
    real_data.write(FOLDER / "deduction.jsonl", real_data.deduction(source_file(source, "deduction", "prontoqa")))


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before SFT, after it, and after GRPO.

    The row also says which proofs are right step by step, so that the arms can be compared problem by problem.

    Args:
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    given = overrides_of(FILE, arm, seed, model, f"deduction_{seed}", overrides)
    stages = trained_in_stages(FILE, given, run_name("deduction", arm, seed))
    last = stages["rl"]
    found = {
        **staged_figures(stages),
        "proofs": changes(last.before["examples"], last.after["examples"], "chain"),
        "right_proofs": marks(last.after["examples"], "chain"),
    }
    return flat({"rung": "deduction", "arm": arm, "seed": seed, **found})
