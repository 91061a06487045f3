"""The recipes of `configs/papers/`: what each arm of a comparison makes of the same policies, three seeds.

    make papers      (python bench/papers.py [--only skintern …] [--seeds 0 1 2] [--out FILE] [key=value …])

An arm is a config with some overrides (`arms:` in its file). Each is trained as `whetstone train` does it, and measured
before and after on test problems that nothing was chosen by. Runs that are on record in the output file are not made
again; the tables of docs/papers.md are made of them by `make tables`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import tables_papers
from answer_models import answer_models
from harness import QUIET, Row, arguments, flat, read, record
from tables_papers import PAPERS

from rl.config import load, load_stages
from rl.config.layers import arms
from rl.storage.run_folder import read_jsonl

KEPT = (
    "greedy", "chain", "mean_at_k", "mean_length",
    "without_statement", "with_statement", "with_best_statement", "rectified", "margin_without", "margin_with",
)  # fmt: skip
"""Figures that are put on record, beside those of rewards."""
CURVES = {
    "rounds/right": "right", "rounds/right_by_wrong_steps": "right_by_wrong_steps",
    "process/labels_auc": "labels_auc", "process/step_auc": "step_auc",
}  # fmt: skip
"""Figures of each round that are put on record, with their names there, beside the means of rewards."""


def run(recipe: str, arm: str, seed: int, overrides: Sequence[str] = ()) -> Row:
    """One arm of a recipe with one seed: its figures before and after.

    Args:
        recipe: the name of a file in `configs/papers/`.
        arm: one of its arms.
        seed: of the problems, the policy and the training.
        overrides: `key=value`, over those of the arm.
    """
    from rl.stages import train_stages
    from rl.training import train

    file = PAPERS[recipe]
    started, worked = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        models = answer_models(file, seed)
        given = [*arms(file)[arm], *models, f"seed={seed}", f"logging.folder={scratch}", *QUIET, *overrides]
        if stages := load_stages(file, given):
            train_stages(stages, fresh=True)
            runs = list(json.loads((Path(scratch) / recipe / "summary.json").read_text())["stages"].values())
            rounds = _curves(list(stages.values())[-1].run_folder)
        else:
            train(config := load(file, given), fresh=True)
            runs = [json.loads((Path(scratch) / recipe / "summary.json").read_text())]
            rounds = _curves(config.run_folder)
    after = runs[-1]["after"]
    # a frozen reader that a first stage makes is measured in another way than the policy
    before = next(one["before"] for one in runs if ("rectified" in one["before"]) == ("rectified" in after))
    before, after = _kept(before), _kept(after)
    between = {"between": _kept(runs[-1]["before"])} if len(runs) > 1 else {}
    took = {"wall_s": round(time.perf_counter() - started, 1), "cpu_s": round(time.process_time() - worked, 1)}
    figures = {"n": runs[-1]["after"]["n"], "steps": sum(one["steps"] for one in runs), **took}
    figures |= {"rounds": rounds}
    return flat({"recipe": recipe, "arm": arm, "seed": seed, "before": before, **between, "after": after, **figures})


def _kept(figures: Row) -> Row:
    """The figures of an evaluation that are put on record."""
    return {name: of for name, of in figures.items() if name in KEPT or name.startswith(("rewards/", "worst/"))}


def _curves(folder: Path) -> Row:
    """Figures of a run's rounds as lists; none for a single round.

    Args:
        folder: the run folder.
    """
    lines = [line for line in read_jsonl(folder / "metrics.jsonl") if "rounds/number" in line]
    names = dict(CURVES)
    for reward in (name for name in (lines[0] if lines else {}) if re.fullmatch(r"rewards/\w+/mean", name)):
        names[reward] = reward.removesuffix("/mean")
    return {
        of: [line[name] for line in lines]
        for name, of in names.items()
        if len(lines) > 1 and all(name in line for line in lines)
    }


def main() -> None:
    """Make the runs that are not on record, record their rows, print the tables."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--only", nargs="+", choices=PAPERS, default=list(PAPERS))
    parser.add_argument("--arms", nargs="+", help="some of the arms alone")
    given = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    for recipe in given.only:
        for seed in given.seeds:
            for arm in given.arms or arms(PAPERS[recipe]):
                there = {(r["recipe"], r["arm"], r["seed"]) for r in read(given.out)}
                if (recipe, arm, seed) not in there:
                    row = run(recipe, arm, seed, given.overrides)
                    record(given.out, [row], key=["recipe", "arm", "seed"])
                    print(f"{recipe}, {arm}, seed {seed}: greedy {row['after.greedy']:.3f}", flush=True)
        tables_papers.of_recipe(recipe, [row for row in read(given.out) if row["recipe"] == recipe]).show()


if __name__ == "__main__":
    main()
