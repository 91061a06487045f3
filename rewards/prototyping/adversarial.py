"""Completions that try to get a reward without solving the problem, with right and wrong ones for comparison.

A policy in training finds whatever a reward pays for, so try a reward on these before training. Each problem gets six
completions:

- `right`: every step and the answer are right.
- `wrong`: worked through to another answer.
- `answer only`: the right answer without working, as if by luck or from memory.
- `gold pasted`: the gold answer instead of the working, repeated, and then as the answer. It leaks into anything that
  reads the working for the answer.
- `repeated text`: the first right step, repeated, and then a wrong answer.
- `long nothing`: many words without content, and no answer.

A reward for reasoning should give `right` the highest value. A policy that is trained on a reward that does not
distinguish it from another kind may learn to write that kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rewards.prototyping.table import Scored
from verifiers.facts import MARK, THINGS, WORLD

KINDS = ("right", "wrong", "answer only", "gold pasted", "repeated text", "long nothing")


@dataclass(frozen=True)
class Form:
    """The form of a task's completions.

    Attributes:
        marker: text before the answer.
        answer: template of the answer with its marker, with `{gold}`.
        separator: text between two steps.
        pasted: template of the gold answer in place of a step.
        nothing: a step without content.
        times: number of repetitions in `gold pasted` and `repeated text`; `long nothing` is four times as long.
    """

    marker: str
    answer: str
    separator: str
    pasted: str
    nothing: str
    times: int = 8


FORMS = {
    "chain": Form("#", "#{gold}", ";", "{gold}", "0+0=0"),
    "facts": Form(MARK, f"{MARK} ({{gold}})", ".", " ({gold})", f" {THINGS[0]} is {WORLD['is'][THINGS[0]]}"),
    "text": Form("So the answer is", " So the answer is {gold}.", ".", " {gold}", " Let us think about this"),
}
"""Forms of the embedded tasks, and of completions in sentences that end in `So the answer is …`."""


def six(gold: str, right: str, wrong: str, form: Form) -> dict[str, str]:
    """The completions of one problem, by kind.

    Args:
        gold: the gold answer.
        right: a right completion.
        wrong: a wrong completion with an answer.
        form: the form of the completions.

    Raises:
        ValueError: `right` or `wrong` has no answer in that form.
    """
    for completion in (right, wrong):
        if form.marker not in completion:
            raise ValueError(f"no {form.marker!r} before an answer in {completion[:80]!r}")
    said, sep = form.answer.format(gold=gold), form.separator
    end = sep if sep == "." else ""  # a full stop ends the last step, too; `;` only stands between two
    first = right.partition(form.marker)[0].split(sep)[0]
    _, marker, other = wrong.rpartition(form.marker)
    return {
        "right": right,
        "wrong": wrong,
        "answer only": said,
        "gold pasted": sep.join([form.pasted.format(gold=gold)] * form.times) + end + said,
        "repeated text": sep.join([first] * form.times) + end + marker + other,
        "long nothing": sep.join([form.nothing] * 4 * form.times) + end,
    }


def completions(
    rows: Sequence[Mapping[str, Any]], right: Sequence[str], wrong: Sequence[str], form: Form
) -> list[dict[str, Any]]:
    """Six rows for each row of a task, for scoring: its columns with `completion` and `kind`.

    Args:
        rows: N problems with `prompt`, `gold` and the columns that the rewards need.
        right: a right completion of each problem.
        wrong: a wrong completion of each problem.
        form: the form of the completions.
    """
    return [
        {**row, "completion": text, "kind": kind}
        for row, good, bad in zip(rows, right, wrong, strict=True)
        for kind, text in six(row["gold"], good, bad, form).items()
    ]


def by_kind(scored: Scored, names: Sequence[str] | None = None) -> pd.DataFrame:
    """The mean of each reward for each kind; NaN if it abstained or failed on all of them.

    Args:
        scored: the result of `rewards.score` for rows of `completions`.
        names: names of rewards; by default all, and their mix if there are several.

    Raises:
        ValueError: the rows have no column `kind`.
    """
    if "kind" not in scored.frame:
        raise ValueError("there is no column 'kind'; score the rows of rewards.prototyping.adversarial.completions")
    kinds = [kind for kind in KINDS if kind in set(scored.frame["kind"])]
    means: Any = scored.frame.groupby("kind")[list(names or scored.rewards)].mean()
    return means.T[kinds].rename_axis("reward")


def paid_for(means: pd.DataFrame) -> pd.Series:
    """The kinds whose mean in `by_kind` is at least that of a right completion, as one text per reward."""
    others = [kind for kind in means.columns if kind != "right"]
    rows: dict[Any, dict[Any, float]] = means.to_dict("index")
    gamed = {name: ", ".join(kind for kind in others if row[kind] >= row["right"] - 1e-9) for name, row in rows.items()}
    return pd.Series(gamed, name="pays as well as right", dtype=object).rename_axis("reward")
