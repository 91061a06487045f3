"""Sums of two and three numbers by a real small model (`configs/real/sums.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import real_data
from harness import CONFIGS, Row, flat
from real_runs import FOLDER, changes, figures, overrides_of, run_name, trained
from real_table import KINDS

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
    given = overrides_of(FILE, arm, seed, model, run_name("sums", arm, seed), overrides)
    done = trained(FILE, given)
    examples = {"before": done.before["examples"], "after": done.after["examples"]}
    found = {
        **figures(done),
        "kinds": {kind: {when: right(of, kind) for when, of in examples.items()} for kind in KINDS},
        "larger": _on_larger(model, str(done.folder.model), given),
    }
    return flat({"rung": "sums", "arm": arm, "seed": seed, **found})


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
