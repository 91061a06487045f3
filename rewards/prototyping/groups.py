"""Groups of completions that are compared with each other: those of the same prompt, or of a named group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class _Prompt(str):
    """A text prompt that equals only the prompts of its group, because the mix groups by equal prompts."""

    group: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Prompt) and self.group == other.group

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.group)


class _Chat(list):
    """Chat messages of a prompt in a named group; the mix groups messages by their `repr`, which includes the name."""

    group: int

    def __repr__(self) -> str:
        return f"a prompt of group {self.group}"


def grouped(prompts: Sequence[Any], named: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The group of each completion, numbered in order of appearance, and its prompt, which is equal within a group.

    Args:
        prompts: N prompts; None or empty for none.
        named: N names of groups; None if the prompt determines the group.
    """
    numbers: dict[tuple[str, str], int] = {}
    groups: list[int] = []
    asked: list[Any] = []
    for row, (prompt, name) in enumerate(zip(prompts, named, strict=True)):
        there = prompt not in (None, "", [])
        by_prompt = ("prompt", repr(prompt)) if there else ("row", str(row))
        key = by_prompt if name is None else ("name", repr(name))
        groups.append(numbers.setdefault(key, len(numbers)))
        if there and name is None:
            asked.append(prompt)
        else:
            stand_in = _Chat(prompt) if isinstance(prompt, list) and prompt else _Prompt(prompt or "")
            stand_in.group = groups[-1]
            asked.append(stand_in)
    return groups, asked


def batches(groups: Sequence[int], size: int) -> Iterator[list[int]]:
    """Batches of rows with whole groups, since rewards may compare the completions of a prompt.

    Args:
        groups: the group of each of N rows.
        size: rows per batch, unless a group has more.
    """
    of: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        of.setdefault(group, []).append(row)
    chosen: list[int] = []
    for rows in of.values():
        if chosen and len(chosen) + len(rows) > size:
            yield chosen
            chosen = []
        chosen += rows
    yield chosen
