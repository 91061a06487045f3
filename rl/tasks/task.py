"""What a task is: problems with references in three disjoint splits, and the verifier that judges answers to them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from rl.errors import UserError
from verifiers.runtime.verifier import Verifier

Split = Literal["train", "validation", "test"]
Problem = TypeVar("Problem")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Task:
    """Problems, references and a verifier.

    Attributes:
        name: the name in the config.
        splits: rows of each split. A row has `prompt` (a string, or a list of chat messages), `gold` (a string) and
            whatever columns the verifier and the rewards need.
        verifier: the verifier, with its options, that judges answers to this task.
        vocabulary: strings that tile every text of the task; only for tasks the embedded policy can be warmed up on.
        solve: a right worked answer to a row, for tasks that know one.
        demonstrate_on: the demonstrator's answer to a row, with habits by name over its own; for the same tasks as
            `demonstrate`.
        demonstrate: draws one (prompt, completion) of the demonstrator from the train split; likewise.
        skipped: broken rows that were left out, as `file:line: why`.
    """

    name: str
    splits: Mapping[Split, list[dict[str, Any]]]
    verifier: Verifier
    vocabulary: tuple[str, ...] | None = None
    demonstrate: Callable[[random.Random], tuple[str, str]] | None = None
    solve: Callable[[Mapping[str, Any]], str] | None = None
    demonstrate_on: Callable[..., str] | None = None
    skipped: tuple[str, ...] = ()

    @property
    def first(self) -> dict[str, Any]:
        """The first row of train, or of the next split with rows: a task that is only evaluated may have no train."""
        return next(rows[0] for rows in self.splits.values() if rows)

    @property
    def chat(self) -> bool:
        """Whether prompts are lists of chat messages."""
        return not isinstance(self.first["prompt"], str)


def split_of(problem: str, *, validation: float = 0.1, test: float = 0.1) -> Split:
    """The split a problem belongs to, by a hash of its text.

    No seed enters, so a problem that is held out once is held out in every run: no two splits can share one.

    Args:
        problem: the text that makes a problem what it is.
        validation: share of problems that go to validation, in [0, 1].
        test: share that goes to test.
    """
    digest = hashlib.blake2b(problem.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"


def drawn_from_train(draw: Callable[[], Problem], prompt: Callable[[Problem], str] = str) -> Problem:
    """A problem of the train split, drawn as often as it takes.

    Args:
        draw: draws a problem.
        prompt: the text of a problem; by default the problem is its text.
    """
    while split_of(prompt(problem := draw())) != "train":
        pass
    return problem


def fingerprints(splits: Mapping[Split, Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """How many rows each split has, and a SHA-256 of them that does not depend on their order.

    Args:
        splits: the rows of each split.

    Returns:
        Split → `rows` and `sha256`, of the sorted hashes of the rows.
    """
    return {
        split: {"rows": len(rows), "sha256": hashlib.sha256(b"".join(sorted(map(_digest, rows)))).hexdigest()}
        for split, rows in splits.items()
    }


def fingerprint(rows: Sequence[Mapping[str, Any]]) -> str:
    """The number of rows, and the beginning of a SHA-256 of them in their order.

    Args:
        rows: the rows.
    """
    digest = hashlib.sha256(b"".join(map(_digest, rows))).hexdigest()
    return f"{len(rows):,} rows, {digest[:12]}"


def _digest(row: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=repr).encode()).digest()


def fill_splits(
    draws: Iterator[dict[str, Any]], sizes: Mapping[Split, int], where: str
) -> dict[Split, list[dict[str, Any]]]:
    """Draw rows until each split has its size; duplicates are drawn again.

    Args:
        draws: an endless stream of rows with a string `prompt`.
        sizes: rows wanted for each split.
        where: what to name in the error.

    Raises:
        UserError: the task does not have that many different problems.
    """
    splits: dict[Split, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    idle = 0
    while any(len(splits[split]) < sizes[split] for split in SPLITS):
        row = next(draws)
        split = split_of(row["prompt"])
        if row["prompt"] in seen or len(splits[split]) >= sizes[split]:
            idle += 1
            if idle > 20_000:
                short = {s: f"{len(splits[s])} of {sizes[s]}" for s in SPLITS if len(splits[s]) < sizes[s]}
                raise UserError(where, f"the task has too few different problems: {short}; ask for fewer rows")
            continue
        idle = 0
        seen.add(row["prompt"])
        splits[split].append(row)
    return splits


def refuse_overlap(splits: Mapping[Split, Iterable[Mapping[str, Any]]], where: str) -> None:
    """Check that no prompt stands in two splits.

    Args:
        splits: the rows of each split.
        where: what to name in the error.

    Raises:
        UserError: one does; the message shows it.
    """
    home: dict[str, Split] = {}
    for split in SPLITS:
        for row in splits[split]:
            key = row["prompt"] if isinstance(row["prompt"], str) else repr(row["prompt"])
            if home.setdefault(key, split) != split:
                raise UserError(where, f"a prompt is in both {home[key]} and {split}: {key[:80]!r}")


def refuse_empty(splits: Mapping[Split, Sequence[Mapping[str, Any]]], *, validation: bool) -> None:
    """Check that there is something to train and to be measured on.

    Args:
        splits: the rows of each split.
        validation: whether the run needs a validation split, too.

    Raises:
        UserError: a split that the run needs has no rows.
    """
    for split in SPLITS:
        if not splits[split] and (split != "validation" or validation):
            also = ", or set evaluation.every=0" if split == "validation" else ""
            raise UserError(
                "task",
                f"has no rows in its {split} split, and the run needs some; give it a source of its own, or a larger "
                f"share of train{also}",
            )


def refuse_missing_columns(reward: str, columns: Iterable[str], row: Mapping[str, Any]) -> None:
    """Check that the data has the columns that a reward needs.

    Args:
        reward: name of the reward.
        columns: the columns that it needs.
        row: a row of the task.

    Raises:
        UserError: the row lacks one of them.
    """
    for column in columns:
        if column not in row:
            raise UserError(
                f"rewards.{reward}", f"needs a column {column!r}; the task has {', '.join(sorted(row.keys()))}"
            )
