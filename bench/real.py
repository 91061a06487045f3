"""Small pretrained models on questions that they did not see: accuracy before and after training, three seeds.

    make real MODEL=FOLDER      (python bench/real.py --model FOLDER [--seeds 0 1 2] [--out FILE] [key=value …])

The model is SmolLM2-135M-Instruct, as a folder or hub id. Each run is a config of `configs/real/` with the overrides of
an arm, as `whetstone train` trains it, in a folder under `runs/real`. Runs on record are not made again, and one that
was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, QUIET, Row, arguments, flat, read, record
from real_table import KINDS, real_table

from rl.analysis.paired import changed, mcnemar
from rl.config import load
from rl.config.layers import arms
from rl.storage.run_folder import RunFolder, read_jsonl
from verifiers.verdict import is_right

FOLDER = Path("runs") / "real"
RUNGS = {"sums": CONFIGS / "real" / "sums.yaml"}
LARGER = 100
"""Problems with larger operands than any of training that are looked at before and after."""
KEPT = ("n", "k", "greedy", "mean_at_k", "pass_at_k", "maj_at_k", "chain")


def run(rung: str, arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before and after.

    Args:
        rung: the name of a config in `RUNGS`.
        arm: one of its arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    from rl.training import train

    file, name = RUNGS[rung], run_name(rung, arm, seed)
    given = [*arms(file)[arm], f"policy.model={model}", f"seed={seed}", f"name={name}", *QUIET, *overrides]
    folder = RunFolder(FOLDER / name)
    if not folder.finished:
        train(load(file, [*given, f"logging.folder={FOLDER}"]))
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    before, after = (folder.evaluation("test", step) for step in (0, summary["steps"]))
    assert before is not None and after is not None
    figures = {
        "before": _kept(before),
        "after": _kept(after),
        **_changed(before["examples"], after["examples"]),
        "kinds": {
            kind: {when: _right(of["examples"], kind) for when, of in (("before", before), ("after", after))}
            for kind in KINDS
        },
        "larger": _on_larger(file, model, str(folder.model), given),
        "tokens": summary["tokens_generated"],
        "minutes": round(sum(_seconds(folder)) / 60, 1),
        "steps": summary["steps"],
        "device": summary["device"],
    }
    return flat({"rung": rung, "arm": arm, "seed": seed, **figures})


def run_name(rung: str, arm: str, seed: int) -> str:
    """The name of a run, which is that of its folder."""
    return "-".join([rung, *re.findall(r"\w+", arm.lower()), str(seed)])


def kind_of(prompt: str) -> str:
    """Which of `KINDS` the question at the end of a prompt is."""
    question = prompt.splitlines()[-1]
    words = "plus" in question
    return f"{('two', 'three')[question.count('plus' if words else '+') - 1]} in {'words' if words else 'digits'}"


def _right(examples: Sequence[Row], kind: str) -> float:
    own = [bool(is_right(row["score"])) for row in examples if kind_of(row["prompt"]) == kind]
    return sum(own) / len(own)


def _changed(before: Sequence[Row], after: Sequence[Row]) -> Row:
    """How many problems were gained and lost, and McNemar's p-value."""
    right = [[bool(is_right(one["score"])) for one in of] for of in (before, after)]
    gained, lost = changed(list(zip(*right, strict=True)))
    return {"gained": gained, "lost": lost, "p": mcnemar(gained, lost)}


def _kept(evaluation: Row) -> Row:
    return {name: evaluation[name] for name in KEPT if name in evaluation}


def _on_larger(file: Path, model: str, trained: str, overrides: Sequence[str]) -> Row:
    """Greedy accuracy before and after on operands larger than any of training, and what changed."""
    from rl.analysis.evaluate_models import configs, evaluate_models

    more = [f"task.data={FOLDER / 'sums_larger.jsonl'}", f"evaluation.n={LARGER}", "evaluation.k=0"]
    (measured,) = evaluate_models(
        configs([str(file)], [model, trained], [*overrides, *more]), [model, trained], "test", []
    )
    old, new = (measured.evaluations[one] for one in (model, trained))
    figures = {when: {"greedy": one.as_dict()["greedy"]} for when, one in (("before", old), ("after", new))}
    return {"n": old.n, **figures, **_changed(old.examples, new.examples)}


def _seconds(folder: RunFolder) -> Iterable[float]:
    """Seconds of the steps and of the evaluations, also of those before a run was stopped."""
    steps = [row for row in read_jsonl(folder.metrics) if "step_time" in row]
    yield from (row["step_time"] for row in steps)
    yield from (row["seconds"] for row in read_jsonl(folder.evaluations))


def main() -> None:
    """Make the runs that are not on record, record their rows, print the tables."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--model", required=True, help="a folder or hub id")
    parser.add_argument("--only", nargs="+", choices=RUNGS, default=list(RUNGS))
    parser.add_argument("--arms", nargs="+", help="some of the arms alone")
    given = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    known = {(row["rung"], row["arm"], row["seed"]) for row in read(given.out)}
    for rung in given.only:
        real_data.write_sums(FOLDER)
        for seed in given.seeds:
            for arm in given.arms or arms(RUNGS[rung]):
                if (rung, arm, seed) not in known:
                    row = run(rung, arm, seed, given.model, given.overrides)
                    record(given.out, [row], key=["rung", "arm", "seed"])
        real_table([row for row in read(given.out) if row["rung"] == rung]).show()


if __name__ == "__main__":
    main()
