"""The recipes of `configs/papers/`: what each arm of a comparison makes of the same policies, three seeds.

    make papers      (python bench/papers.py [--only skintern …] [--seeds 0 1 2] [--out FILE] [key=value …])

An arm is a config with some overrides (`arms:` in its file). Each is trained as `whetstone train` does it, and measured
before and after on test problems that nothing was chosen by. Stages that are the same in several arms, such as that of
a teacher, are trained once for each seed. Runs that are on record in the output file are not made
again; the tables of docs/papers.md are made of them by `make tables`.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import tables_papers
from answer_models import answer_models
from harness import QUIET, Row, arguments, flat, read, record
from tables_papers import PAPERS

from rl.config import Config, dump, load, load_stages
from rl.config.layers import arms
from rl.storage.run_folder import RunFolder, read_jsonl

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


def run(recipe: str, arm: str, seed: int, overrides: Sequence[str] = (), runs: Path | None = None) -> Row:
    """One arm of a recipe with one seed: its figures before and after.

    Args:
        recipe: the name of a file in `configs/papers/`.
        arm: one of its arms.
        seed: of the problems, the policy and the training.
        overrides: `key=value`, over those of the arm.
        runs: a folder in which the runs stay; None for a temporary one.
    """
    started, worked = time.perf_counter(), time.process_time()
    folder = Path(_scratch(recipe, seed).name) if runs is None else runs / f"{recipe}_{seed}"
    own = [f"seed={seed}", f"logging.folder={folder}", *QUIET, *overrides]
    stages = _trained(recipe, folder, [*arms(PAPERS[recipe])[arm], *answer_models(PAPERS[recipe], seed), *own])
    last = list(stages.values())[-1]
    after = last["after"]
    # a frozen reader that a first stage makes is measured in another way than the policy
    begun = [one["before"] for one in stages.values() if one["own"]]
    before = next(one for one in begun if ("rectified" in one) == ("rectified" in after))
    between = {"between": _kept(last["before"])} if len(stages) > 1 else {}
    figures = {"before": _kept(before), **between, "after": _kept(after), "n": after["n"]}
    figures |= {"steps": sum(one["steps"] for one in stages.values()), "sampled": last["tokens_sampled"]}
    figures |= {"wall_s": round(time.perf_counter() - started, 1), "cpu_s": round(time.process_time() - worked, 1)}
    figures |= {"stages": {name: one["after"]["greedy"]["value"] for name, one in stages.items() if one is not last}}
    return flat({"recipe": recipe, "arm": arm, "seed": seed, **figures, "rounds": last["curves"]})


def _trained(recipe: str, folder: Path, given: Sequence[str]) -> dict[str, Row]:
    """Stage → its summary, with `own`, whether the last stage's policy comes from it, and the `curves` of its rounds.

    A run without stages is one of its own.
    """
    from rl.stages import train_stages
    from rl.training import train

    stages = load_stages(PAPERS[recipe], given)
    if not stages:
        train(config := load(PAPERS[recipe], given), fresh=True)
        summary = json.loads((folder / recipe / "summary.json").read_text())
        return {recipe: {**summary, "own": True, "curves": _curves(config.run_folder)}}
    _leave_what_is_shared(stages.values())
    train_stages(stages)
    names = list(stages)
    # a stage that begins with the embedded policy owes the ones before it no weights: they made a teacher or a reader
    first = max(place for place, name in enumerate(names) if place == 0 or stages[name].policy.model == "embedded")
    summaries = json.loads((folder / recipe / "summary.json").read_text())["stages"]
    return {
        name: {**summaries[name], "own": place >= first, "curves": _curves(stages[name].run_folder)}
        for place, name in enumerate(names)
    }


@functools.lru_cache(maxsize=1)
def _scratch(recipe: str, seed: int) -> tempfile.TemporaryDirectory[str]:
    """The folder of a recipe's runs with a seed; it is removed when the next one is made, and at the end."""
    return tempfile.TemporaryDirectory(prefix=f"{recipe}_{seed}_")


def _leave_what_is_shared(stages: Iterable[Config]) -> None:
    """Remove the runs of earlier arms, from the first stage on that is not the same in this arm."""
    same = True
    for config in stages:
        folder = RunFolder(config.run_folder)
        same = same and folder.finished and not folder.changes_to(dump(config))
        if not same:
            shutil.rmtree(folder.path, ignore_errors=True)


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
    parser.add_argument("--runs", type=Path, help="folder in which the runs stay, for stages that later calls share")
    given = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    for recipe in given.only:
        for seed in given.seeds:
            for arm in given.arms or arms(PAPERS[recipe]):
                there = {(r["recipe"], r["arm"], r["seed"]) for r in read(given.out)}
                if (recipe, arm, seed) not in there:
                    row = run(recipe, arm, seed, given.overrides, given.runs)
                    record(given.out, [row], key=["recipe", "arm", "seed"])
                    print(f"{recipe}, {arm}, seed {seed}: greedy {row['after.greedy']:.3f}", flush=True)
        tables_papers.of_recipe(recipe, [row for row in read(given.out) if row["recipe"] == recipe]).show()


if __name__ == "__main__":
    main()
