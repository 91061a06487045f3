"""Sums of two and three numbers by a real small model (`configs/real/sums.yaml`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, QUIET, Row, flat
from real_runs import FOLDER, changes, kept, run_name
from real_table import KINDS

from rl.config import load
from rl.config.layers import arms
from rl.storage.run_folder import RunFolder, read_jsonl
from verifiers.verdict import is_right

FILE = CONFIGS / "real" / "sums.yaml"
LARGER = 100
"""Problems with larger operands than any of training that are looked at before and after."""


def make_data(source: Path | None) -> None:
    """Write the problems, which need no source."""
    real_data.write_sums(FOLDER)


def run(arm: str, seed: int, model: str, overrides: Sequence[str] = ()) -> Row:
    """One arm with one seed: its figures before and after.

    Args:
        arm: one of the config's arms.
        seed: of the training.
        model: a folder or hub id.
        overrides: `key=value`, over those of the arm.
    """
    from rl.training import train

    name = run_name("sums", arm, seed)
    given = [*arms(FILE)[arm], f"policy.model={model}", f"seed={seed}", f"name={name}", *QUIET, *overrides]
    folder = RunFolder(FOLDER / name)
    if not folder.finished:
        train(load(FILE, [*given, f"logging.folder={FOLDER}"]))
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    before, after = (folder.evaluation("test", step) for step in (0, summary["steps"]))
    assert before is not None and after is not None
    figures = {
        "before": kept(before),
        "after": kept(after),
        **changes(before["examples"], after["examples"]),
        "kinds": {
            kind: {when: right(of["examples"], kind) for when, of in (("before", before), ("after", after))}
            for kind in KINDS
        },
        "larger": _on_larger(model, str(folder.model), given),
        "tokens": summary["tokens_generated"],
        "minutes": round(sum(_seconds(folder)) / 60, 1),
        "steps": summary["steps"],
        "device": summary["device"],
    }
    return flat({"rung": "sums", "arm": arm, "seed": seed, **figures})


def kind_of(prompt: str) -> str:
    """Which of `KINDS` the question at the end of a prompt is."""
    question = prompt.splitlines()[-1]
    words = "plus" in question
    return f"{('two', 'three')[question.count('plus' if words else '+') - 1]} in {'words' if words else 'digits'}"


def right(examples: Sequence[Row], kind: str) -> float:
    """The share of a kind's problems that are right.

    Args:
        examples: of an evaluation.
        kind: one of `KINDS`.
    """
    own = [bool(is_right(row["score"])) for row in examples if kind_of(row["prompt"]) == kind]
    return sum(own) / len(own)


def _on_larger(model: str, trained: str, overrides: Sequence[str]) -> Row:
    """Greedy accuracy before and after on operands larger than any of training, and what changed."""
    from rl.analysis.evaluate_models import configs, evaluate_models

    more = [f"task.data={FOLDER / 'sums_larger.jsonl'}", f"evaluation.n={LARGER}", "evaluation.k=0"]
    (measured,) = evaluate_models(
        configs([str(FILE)], [model, trained], [*overrides, *more]), [model, trained], "test", []
    )
    old, new = (measured.evaluations[one] for one in (model, trained))
    figures = {when: {"greedy": one.as_dict()["greedy"]} for when, one in (("before", old), ("after", new))}
    return {"n": old.n, **figures, **changes(old.examples, new.examples)}


def _seconds(folder: RunFolder) -> Iterable[float]:
    """Seconds of the steps and of the evaluations, also of those before a run was stopped."""
    steps = [row for row in read_jsonl(folder.metrics) if "step_time" in row]
    yield from (row["step_time"] for row in steps)
    yield from (row["seconds"] for row in read_jsonl(folder.evaluations))
