"""Each reward on right, wrong and adversarial completions of the embedded tasks. Writes JSON, prints Markdown tables.

    python bench/rewards_table.py [--rewards FILE.yaml] [--n 200] [--out bench/rewards_table.json]

No policy and no training. Rewards that read the text alone are always there. Those that need a model come from a file
of rewards that names their models. A cell is the mean over n problems; a dash is where the reward abstained on all.
The last column says what a policy may turn to that is trained on that reward alone.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rewards
from rewards import REWARDS
from rewards.parts.context import Context
from rewards.prototyping.adversarial import FORMS, KINDS, by_kind, completions, paid_for
from rewards.prototyping.score import made
from rl.analysis.scoring import saved
from rl.tasks import chain, facts
from verifiers.runtime.judge import Judge

SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "chain": {
        "length": {"kind": "length", "options": {"target": 15, "unit": "characters"}},
        "length, cosine": {"kind": "length", "options": {"shape": "cosine", "most": 64, "unit": "characters"}},
        "format": {"options": {"min_words": 1, "max_repetition": 0.2}},
        "repetition": {"options": {"ngram": 4, "unit": "characters"}},
        "diversity": {"options": {"marker": "#"}},
    },
    "facts": {
        "length": {"kind": "length", "options": {"target": 8, "unit": "words"}},
        "length, cosine": {"kind": "length", "options": {"shape": "cosine", "most": 40, "unit": "words"}},
        "format": {"options": {"min_words": 3, "max_repetition": 0.2}},
        "repetition": {},
        "diversity": {"options": {"marker": "Answer:"}},
    },
}
"""Settings for rewards whose own defaults say nothing of a task; others have their defaults."""
NOT_FOR = {"chain": {"plausibility": "judges the statements of facts"}, "facts": {}}
"""Rewards that are about another task, with the reason."""


def problems(task: str, n: int) -> list[dict[str, Any]]:
    """Six completions for each of n test problems."""
    rng = random.Random(0)
    if task == "chain":
        rows = chain.build((2, 4), {"train": 1, "validation": 1, "test": n}, seed=0).splits["test"]
        right = [chain.solve(row["prompt"]) for row in rows]
        wrong = [_until_wrong(row, lambda p=row["prompt"]: chain.solve(p, slip=0.5, rng=rng), "#") for row in rows]
    else:
        rows = facts.build({"train": 1, "validation": 1, "test": n}, seed=0).splits["test"]
        sure = {"at_once": 0.0, "careful": 1.0}
        right = [facts.solve(row, rng, **sure, slip=0.0) for row in rows]
        wrong = [_until_wrong(row, lambda r=row: facts.solve(r, rng, **sure, slip=0.5), "(") for row in rows]
    return completions(rows, right, wrong, FORMS[task])


def _until_wrong(row: Mapping[str, Any], draw: Any, before: str) -> str:
    while (text := draw()).rpartition(before)[2].strip(" )") == row["gold"]:
        pass
    return text


def text_only(task: str) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The rewards that can be made without a model, and for the others why not."""
    wanted: dict[str, dict[str, Any]] = {name: {} for name in REWARDS} | SETTINGS[task]
    there, left_out = {}, dict(NOT_FOR[task])
    for name, settings in wanted.items():
        if name in left_out:
            continue
        try:
            made({name: settings}, Context(Judge(task)))
            there[name] = settings
        except ValueError as error:
            left_out[name] = str(error).removeprefix(f"{name}: ")
    return there, left_out


def measured(task: str, n: int, more: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The table of one task."""
    there, left_out = text_only(task)
    left_out = {name: why for name, why in left_out.items() if name not in more}
    scored = rewards.score(problems(task, n), {**there, **more}, verifier=task)
    means = by_kind(scored, list(scored.parts))
    rows: dict[Any, dict[Any, float]] = means.to_dict("index")
    return {
        "problems": n,
        "mean": {name: {kind: _number(value) for kind, value in row.items()} for name, row in rows.items()},
        "pays_as_well_as_right": paid_for(means).to_dict(),
        "failed": {name: len(part.failures) for name, part in scored.parts.items() if part.failures},
        "left_out": left_out,
    }


def markdown(task: str, result: Mapping[str, Any]) -> str:
    """A Markdown table of one task, and a line on what is not in it."""
    lines = [f"| {task} | {' | '.join(KINDS)} | pays as well as right |", "|---" * (len(KINDS) + 2) + "|"]
    for name, row in result["mean"].items():
        cells = ["–" if row[kind] is None else f"{row[kind]:.2f}" for kind in KINDS]
        lines.append(f"| {name} | {' | '.join(cells)} | {result['pays_as_well_as_right'][name] or 'nothing'} |")
    for name, why in result["left_out"].items():
        lines.append(f"\n{name}: left out, {why}")
    return "\n".join(lines)


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def main() -> None:
    """Score, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--rewards", help="a file of further rewards, such as those that need a model")
    parser.add_argument("--task", choices=["chain", "facts"], help="one of them alone")
    parser.add_argument("--out", type=Path, default=Path("bench/rewards_table.json"))
    arguments = parser.parse_args()
    more: dict[str, Any] = {}
    if arguments.rewards:
        config = saved.settings(arguments.rewards).config
        more = {name: reward.model_dump() for name, reward in config.rewards.items()}
    results = {
        task: measured(task, arguments.n, more) for task in ([arguments.task] if arguments.task else ["chain", "facts"])
    }
    for task, result in results.items():
        print(markdown(task, result), end="\n\n")
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
