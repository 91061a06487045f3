"""Chains of steps with labels: what labelling writes, training reads and evaluation compares with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rewards.reward import Text, content_of, text_of
from rl.errors import UserError
from rl.tasks.messages import messages_of
from rl.tasks.sources import Source, open_sources


class Labelled(NamedTuple):
    """A step's span in its completion, and how right the chain is up to its end.

    The label is in [0, 1], None where nobody can say.
    """

    start: int
    end: int
    label: float | None


@dataclass(frozen=True)
class Chain:
    """One completion with its steps.

    Attributes:
        prompt: a string or chat messages.
        completion: the text of the chain.
        steps: its steps in order.
        right: whether its answer is right; None where that is not known.
        answer: the answer it gives, for votes.
        verified: the exact verifier's score of each step, beside labels that were made another way.
        id: what the source calls it.
    """

    prompt: Text
    completion: str
    steps: tuple[Labelled, ...]
    right: bool | None = None
    answer: str | None = None
    verified: tuple[float | None, ...] = ()
    id: str | None = None

    @property
    def question(self) -> str:
        """What chains of the same problem share."""
        return self.prompt if isinstance(self.prompt, str) else "\n".join(map(content_of, self.prompt))


def join(prompt: Text, texts: Sequence[str], labels: Sequence[float | None], separator: str, **more: Any) -> Chain:
    """A chain from the texts of its steps, with a separator between them that belongs to none."""
    steps, start = [], 0
    for text, label in zip(texts, labels, strict=True):
        steps.append(Labelled(start, start + len(text), label))
        start += len(text) + len(separator)
    return Chain(prompt, separator.join(texts), tuple(steps), **more)


def write(path: str | Path, chains: Iterable[Chain]) -> None:
    """Write chains as JSON lines, or as parquet where the name ends in `.parquet`."""
    rows = [_row(chain) for chain in chains]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def from_row(row: Mapping[str, Any]) -> Chain:
    """A chain from a row that `write` made.

    Raises:
        ValueError: the row is not one.
    """
    for column in ("prompt", "completion", "steps"):
        if row.get(column) is None:
            raise ValueError(f"no {column!r}; the row has: {', '.join(row) or 'nothing'}")
    row = as_text(row)
    steps, end = [], 0
    for step in row["steps"]:
        if not isinstance(step, Mapping) or not {"start", "end"} <= step.keys():
            raise ValueError("a step is an object with start, end and label")
        labelled = Labelled(step["start"], step["end"], step.get("label"))
        if not 0 <= labelled.start <= labelled.end <= len(row["completion"]) or labelled.end < end:
            raise ValueError(f"steps run in order inside the completion, not {labelled.start} to {labelled.end}")
        if labelled.label is not None and not 0 <= labelled.label <= 1:
            raise ValueError(f"a label is in [0, 1], not {labelled.label!r}")
        end = labelled.end
        steps.append(labelled)
    more = {name: row.get(name) for name in ("right", "answer", "id")}
    return Chain(row["prompt"], row["completion"], tuple(steps), verified=tuple(row.get("verified") or ()), **more)


def as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its completion as text, where it is chat messages the assistant's own last words; its prompt with
    messages in one form.

    Raises:
        ValueError: a message holds something else than text.
    """
    prompt, completion = messages_of(row["prompt"]) or row["prompt"], row["completion"]
    return {**row, "prompt": prompt, "completion": text_of(messages_of(completion) or completion)}


def records(path: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The rows of a file or hub data set with their places, for messages.

    Raises:
        UserError: it cannot be read, or a row is broken.
    """
    sources: list[Source] = open_sources(path)
    if not any(source.records for source in sources):
        raise UserError(path, "no rows in it")
    for source in sources:
        for record in source.records:
            if record.broken:
                raise UserError(source.place(record), record.broken)
            yield source.place(record), record.columns


def _row(chain: Chain) -> dict[str, Any]:
    row = asdict(chain)
    row["steps"] = [step._asdict() for step in chain.steps]
    row["verified"] = list(chain.verified)
    return row
