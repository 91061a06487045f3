"""Completions as pages show them: cut to a length, their steps marked, and grouped by the prompts that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rewards.prototyping.marked import MOST, Piece, pieces
from rl.storage import completions
from rl.storage.run_folder import RunFolder
from verifiers import Step, is_right


@dataclass(frozen=True)
class Shown:
    """A completion as a page shows it.

    Attributes:
        pieces: its text, divided at its steps.
        more: number of characters that are left out at the end.
        right: whether its answer is right; None if the verifier could not judge.
        says: the verdict in a word: `right`, `wrong`, `abstained`, `failed`, or a score in between.
        reason: why, where it is not right; or the first step that is wrong.
        figures: name → value of what else is known of it.
        cut_off: whether it reached the most tokens that it might have.
    """

    pieces: Sequence[Piece]
    more: int
    right: bool | None
    says: str
    reason: str
    figures: Mapping[str, float | None]
    cut_off: bool


@dataclass(frozen=True)
class FailingPrompt:
    """A prompt of the train split that is seldom solved.

    Attributes:
        prompt: its text.
        gold: the reference answer.
        judged: number of its completions on record that were judged.
        solved: number of those that are right.
        reward: their mean reward; None if none of them has one.
        samples: the last of its completions.
    """

    prompt: str
    gold: str
    judged: int
    solved: int
    reward: float | None
    samples: list[Shown]


@dataclass(frozen=True)
class Failing:
    """The prompts on record by how often they were solved.

    Attributes:
        never: number of prompts without a right completion.
        sometimes: number of those with right and wrong ones.
        always: number of those with right ones alone.
        prompts: those with the lowest solve rate, the lowest mean reward first among equals.
    """

    never: int
    sometimes: int
    always: int
    prompts: list[FailingPrompt]


def failing(folder: RunFolder, files: int = 20, most: int = 10, samples: int = 3) -> Failing | None:
    """The train prompts that are solved least often, by the last completions on record.

    Args:
        folder: the run folder.
        files: files of completions to look at, the last ones.
        most: prompts to list.
        samples: completions to show of each.

    Returns:
        None where no completion on record was judged.
    """
    table: Any = completions.read(folder, files)  # pandas' stubs know no types of columns
    if not {"right", "judged_steps"} <= set(table.columns) or not table["right"].notna().any():
        return None  # nothing was judged, or an older version wrote it
    judged = table[table["right"].notna()].assign(right=lambda of: of["right"].astype(float))
    by_prompt = judged.groupby("prompt").agg(
        judged=("right", "size"), solved=("right", "sum"), rate=("right", "mean"), reward=("reward", "mean")
    )
    ordered = by_prompt.sort_values(["rate", "reward", "judged"], ascending=[True, True, False], kind="stable")
    return Failing(
        never=int((by_prompt["rate"] == 0).sum()),
        sometimes=int(by_prompt["rate"].between(0, 1, inclusive="neither").sum()),
        always=int((by_prompt["rate"] == 1).sum()),
        prompts=[
            _failing_prompt(str(prompt), judged[judged["prompt"] == prompt], samples)
            for prompt in ordered.index[ordered["rate"] < 1][:most]
        ],
    )


def shown(
    text: str,
    steps: Sequence[Step],
    *,
    right: bool | None,
    status: str = "judged",
    score: float | None = None,
    reason: str = "",
    figures: Mapping[str, float | None] | None = None,
    cut_off: bool = False,
) -> Shown:
    """A completion as a page shows it.

    Args:
        text: the completion.
        steps: the verifier's verdicts on its steps.
        right: whether its answer is right.
        status: of the verifier's verdict on it.
        score: of the verdict, if it is known.
        reason: why the verdict is so, or what else there is to say of it.
        figures: name → value of what else is known of it.
        cut_off: whether it reached the most tokens that it might have.
    """
    says = {True: "right", False: "wrong", None: status}[right]
    if right is False and score:
        says = f"score {score:.2f}"
    wrong = next((step for step in steps if step.right is False and step.reason), None)
    if wrong is not None:
        reason = f"{'but ' if right else ''}the first wrong step: {wrong.reason}"
    return Shown(pieces(text[:MOST], steps), max(0, len(text) - MOST), right, says, reason, figures or {}, cut_off)


def examples(evaluations: Sequence[Mapping[str, Any]], most: int = 30) -> list[dict[str, Any]]:
    """Test problems with the first and the last recorded answer; those whose verdict changed come first.

    Args:
        evaluations: the lines of `evaluations.jsonl`.
        most: problems to list.

    Returns:
        `prompt`, `gold`, and what to show of the answer `before` and `after`.
    """
    on_test = [row for row in evaluations if row["split"] == "test"]
    if not on_test:
        return []
    pairs = list(zip(on_test[0]["examples"], on_test[-1]["examples"], strict=False))
    pairs.sort(key=lambda pair: pair[0]["score"] == pair[1]["score"])
    return [
        {"prompt": old["prompt"], "gold": old["gold"], "before": _answer(old), "after": _answer(new)}
        for old, new in pairs[:most]
    ]


def _answer(row: Mapping[str, Any]) -> Shown:
    right = is_right(row["score"])
    by_wrong_steps = "but not by right steps" if row["chain"] is False else ""
    return shown(
        row["completion"],
        [Step(**step) for step in row.get("steps", ())],
        right=right,
        status=row["status"],
        score=row["score"],
        reason=by_wrong_steps if right else row["reason"],
        cut_off=row["finish_reason"] == "length",
    )


def _failing_prompt(prompt: str, rows: Any, samples: int) -> FailingPrompt:
    last = rows.tail(samples).iloc[::-1]
    known = rows["reward"].dropna()
    return FailingPrompt(
        prompt=prompt,
        gold=str(rows["gold"].iloc[0]),
        judged=len(rows),
        solved=int(rows["right"].sum()),
        reward=float(known.mean()) if len(known) else None,
        samples=[_sample(row) for row in last.to_dict("records")],
    )


def _sample(row: Mapping[Any, Any]) -> Shown:
    figures = {
        str(column).removeprefix("rewards/"): None if pd.isna(value) else value
        for column, value in row.items()
        if isinstance(value, float) and str(column).startswith(("rewards/", "reward", "advantage"))
    }
    right = bool(row["right"])
    return shown(
        row["completion"],
        completions.steps_of(row["judged_steps"]),
        right=right,
        reason="" if right else row["reason"],
        figures={"step": row["step"], **figures},
        cut_off=row["finish_reason"] == "length",
    )
