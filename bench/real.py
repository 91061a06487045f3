"""Small pretrained models on questions that they did not see: accuracy before and after training, three seeds.

    make real MODEL=FOLDER      (python bench/real.py --model FOLDER [--seeds 0 1 2] [--out FILE] [key=value …])

The model is SmolLM2-135M-Instruct, as a folder or hub id. Each run is a config of `configs/real/` with the overrides of
an arm, as `whetstone train` trains it, in a folder under `runs/real`. Runs on record are not made again, and one that
was stopped goes on from its last checkpoint. `--data` names the folder of the data sets: SVAMP for equations,
word_problems and prm, QuaRel for choice, ProntoQA for deduction.
"""

from __future__ import annotations

import os
from pathlib import Path

import real_choice
import real_deduction
import real_equations
import real_gym
import real_prm
import real_sums
import real_word_problems
from harness import arguments, read, record
from real_table import TABLES

from rl.config.layers import arms

RUNGS = {
    "sums": real_sums,
    "equations": real_equations,
    "word_problems": real_word_problems,
    "choice": real_choice,
    "deduction": real_deduction,
    "prm": real_prm,
    "gym": real_gym,
}
"""Name → the module that makes its data and its runs."""


def main() -> None:
    """Make the runs that are not on record, record their rows, print the tables."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--model", required=True, help="a folder or hub id")
    parser.add_argument("--data", type=Path, help="the folder of the data sets")
    parser.add_argument("--only", nargs="+", choices=RUNGS, default=list(RUNGS))
    parser.add_argument("--arms", nargs="+", help="some of the arms alone")
    given = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    known = {(row["rung"], row["arm"], row["seed"]) for row in read(given.out)}
    for name in given.only:
        rung = RUNGS[name]
        try:
            rung.make_data(given.data)
        except ValueError as error:
            parser.error(str(error))
        for seed in given.seeds:
            for arm in given.arms or arms(rung.FILE):
                if (name, arm, seed) not in known:
                    row = rung.run(arm, seed, given.model, given.overrides)
                    record(given.out, [row], key=["rung", "arm", "seed"])
        TABLES[name]([row for row in read(given.out) if row["rung"] == name]).show()


if __name__ == "__main__":
    main()
