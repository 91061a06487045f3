"""SFT on given examples, PPO, and SFT followed by PPO: what each reaches from the same warm starts.

    make bench-stages      (python bench/stages.py [--seeds 0 1 2] [--out FILE] [key=value …])

`configs/sft_then_ppo.yaml` provides SFT alone (after its first stage) and both together. PPO alone is its second stage,
from the warm start, with the same number of completions.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tables_results
from harness import CONFIGS, QUIET, Row, arguments, flat, record, whetstone


def runs(seed: int, overrides: list[str]) -> list[Row]:
    """The rows of one seed: figures before and after for each method."""
    with tempfile.TemporaryDirectory() as scratch:
        own = [f"seed={seed}", f"logging.folder={scratch}", *QUIET, *overrides]
        whetstone("train", CONFIGS / "sft_then_ppo.yaml", *own)
        both = _summary(Path(scratch) / "sft_then_ppo" / "summary.json")["stages"]
        alone = ["name=alone", "stages.ppo.policy.model=embedded", "stages.sft.trainer.max_steps=1"]
        whetstone("train", CONFIGS / "sft_then_ppo.yaml", *own, *alone)
        ppo = _summary(Path(scratch) / "alone" / "summary.json")["stages"]["ppo"]
    before = both["sft"]["before"]
    ways = {"sft": both["sft"]["after"], "ppo": ppo["after"], "sft_then_ppo": both["ppo"]["after"]}
    return [flat({"seed": seed, "way": way, "before": before, "after": after}) for way, after in ways.items()]


def _summary(file: Path) -> Mapping[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def main() -> None:
    """Run the seeds, record their rows, and print the table."""
    given = arguments(__doc__, seeds=range(3), overrides=True).parse_args()
    rows: list[Row] = []
    for seed in given.seeds:
        rows += runs(seed, given.overrides)
        record(given.out, rows[-3:], key=["seed", "way"])
    tables_results.stages(rows).show()


if __name__ == "__main__":
    main()
