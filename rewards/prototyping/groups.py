"""Which completions are compared with each other: those of one prompt, or of a group that has a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class _Prompt(str):
    """A prompt as text that is equal to those of its group and no others: so the mix groups it, by equal prompts."""

    group: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Prompt) and self.group == other.group

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.group)


class _Chat(list):
    """Chat messages of a prompt whose group has a name: the mix, which groups messages by how they print, sees that."""

    group: int

    def __repr__(self) -> str:
        return f"a prompt of group {self.group}"


def grouped(prompts: Sequence[Any], named: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The group of each completion, numbered in order of appearance, and its prompt, of which equal ones are a group.

    Args:
        prompts: N prompts, None or empty where there is none.
        named: N names of groups, None where the prompt says which group it is.
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
    """Rows in batches of whole groups: rewards may compare the completions of a prompt.

    Args:
        groups: of each of N rows its group.
        size: rows in a batch, unless one group has more.
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
