"""Each reward on right, wrong and adversarial completions of the embedded tasks.

    python bench/rewards_table.py [--task chain] [--rewards FILE.yaml] [--n 200] [--out FILE]

No policy and no training are needed. Rewards that read only the text are always included. Rewards that need a model
come from a file of rewards that names their models. A cell is the mean over n problems; a dash means that the reward
abstained on all. The last column names the kinds of completions that a policy may learn if it is trained on that reward
alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from harness import Row, Table, arguments, record

import rewards
from rewards import REWARDS
from rewards.parts.context import Context
from rewards.prototyping.adversarial import FORMS, KINDS, by_kind, completions, paid_for
from rewards.prototyping.score import made
from rl.analysis.scoring import saved
from rl.tasks import chain, facts
from verifiers.runtime.verifier import Verifier

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
"""Settings of rewards whose defaults do not fit a task; the others have their defaults."""
NOT_FOR = {"chain": {"plausibility": "judges the statements of facts"}, "facts": {}}
"""Rewards that do not apply to a task, with the reason."""


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
    """The rewards that can be made without a model, and the reasons for the others."""
    wanted: dict[str, dict[str, Any]] = {name: {} for name in REWARDS} | SETTINGS[task]
    there, left_out = {}, dict(NOT_FOR[task])
    for name, settings in wanted.items():
        if name in left_out:
            continue
        try:
            made({name: settings}, Context(Verifier(task)))
            there[name] = settings
        except ValueError as error:
            left_out[name] = str(error).removeprefix(f"{name}: ")
    return there, left_out


def measured(task: str, n: int, more: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """One row per reward: its mean for each kind of completion, or why it is left out."""
    there, left_out = text_only(task)
    scored = rewards.score(problems(task, n), {**there, **more}, verifier=task)
    means = by_kind(scored, list(scored.parts))
    pays, by_reward = paid_for(means).to_dict(), means.to_dict("index")
    rows: list[Row] = []
    for name, part in scored.parts.items():
        said = {kind: float(value) for kind, value in by_reward[name].items() if not math.isnan(value)}
        rows.append({"task": task, "reward": name, "problems": n, **said, "pays_as_well_as_right": pays[name]})
        if part.failures:
            rows[-1]["failed"] = len(part.failures)
    why = {name: reason for name, reason in left_out.items() if name not in more}
    return rows + [{"task": task, "reward": name, "left_out": reason} for name, reason in why.items()]


def table(task: str, rows: list[Row]) -> Table:
    """The table of a task's measured rewards, with one column per kind of completion."""
    return Table(
        [task, *KINDS, "pays as well as right"],
        [
            [
                row["reward"],
                *(f"{row[kind]:.2f}" if kind in row else "–" for kind in KINDS),
                row["pays_as_well_as_right"] or "nothing",
            ]
            for row in rows
            if "left_out" not in row
        ],
    )


def main() -> None:
    """Score, record the rows, and print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--rewards", help="a file of further rewards, such as those that need a model")
    parser.add_argument("--task", choices=list(SETTINGS), help="one of them alone")
    given = parser.parse_args()
    more: dict[str, Any] = {}
    if given.rewards:
        config = saved.settings(given.rewards).config
        more = {name: reward.model_dump() for name, reward in config.rewards.items()}
    for task in [given.task] if given.task else SETTINGS:
        rows = measured(task, given.n, more)
        record(given.out, rows, key=["task", "reward"])
        table(task, rows).show()
        for row in rows:
            if "left_out" in row:
                print(f"{row['reward']}: left out, {row['left_out']}")


if __name__ == "__main__":
    main()
