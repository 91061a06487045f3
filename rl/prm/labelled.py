"""Samples with step labels, which `prm label` writes, `prm train` fits, and `prm eval` compares with scores.

A label is a `Step` in `Sample.labels`; its score says how right the completion is up to the end of that step. The
judgement of the task's exact verifier is the sample's verdict. A sample that was read from a file has no token ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.reward import Text, content_of, text_of
from rewards.sample import Sample
from rl.errors import UserError
from rl.tasks.layout import as_text
from rl.tasks.messages import messages_of
from rl.tasks.sources import Source, open_sources
from verifiers import Step, Verdict, judged
from verifiers.verdict import abstained


def label(start: int, end: int, value: float | None) -> Step:
    """The label of the step at [start, end) of a completion.

    Args:
        start: index of the step's first character.
        end: index after its last character.
        value: how right the completion is up to the end of the step, in [0, 1]; None or NaN if unknown.

    Raises:
        ValueError: the span or the value is out of range.
    """
    if value is None or value != value:  # tables of floats use NaN for a missing value
        return Step(start, end, "abstained", None, "no label")
    if isinstance(value, int | float) and 0 <= value <= 1:
        return Step(start, end, "judged", float(value))
    raise ValueError(f"expected a label in [0, 1], got {value!r}")


def labelled(
    prompt: Text,
    steps: Sequence[str],
    labels: Sequence[float | None],
    separator: str,
    *,
    right: bool | None = None,
    id: Any = None,
) -> Sample:
    """A sample from the texts of its steps.

    Args:
        prompt: a string or chat messages.
        steps: S texts.
        labels: S numbers in [0, 1]; None for a step without a label.
        separator: text between two steps, which belongs to neither.
        right: whether the answer is right; None if unknown.
        id: id of the row in the source.

    Raises:
        ValueError: the numbers of labels and steps differ, a label is not in [0, 1], or a step is not text.
    """
    if len(steps) != len(labels):
        raise ValueError(f"{len(labels)} labels for {len(steps)} steps")
    made, start = [], 0
    for place, (text, value) in enumerate(zip(steps, labels, strict=True)):
        if not isinstance(text, str):
            raise ValueError(f"expected text as step {place}, got {type(text).__name__}")
        made.append(label(start, start + len(text), value))
        start += len(text) + len(separator)
    row = {"prompt": prompt} if id is None else {"prompt": prompt, "id": id}
    return Sample(row, separator.join(steps), [], "stop", verdict=_verdict(right), labels=tuple(made))


def has_labels(sample: Sample) -> bool:
    """Whether any step has a label."""
    return any(step.score is not None for step in sample.labels)


def scores_of(steps: Sequence[Step]) -> list[float | None]:
    """The scores of steps; None for a step without a score."""
    return [step.score for step in steps]


def problem_of(sample: Sample) -> str:
    """The identity of a sample's problem: the text of the prompt, including the system message and earlier turns."""
    prompt = sample.prompt
    return prompt if isinstance(prompt, str) else "\n".join(map(content_of, prompt))


def name_of(sample: Sample) -> str:
    """The name of a sample in messages: its id, or the beginning of its prompt."""
    id = sample.row.get("id")
    return problem_of(sample)[:40] if id is None else str(id)


def answer_of(sample: Sample) -> str | None:
    """The answer in the completion, for majority votes; None if unknown."""
    return None if sample.verdict is None else sample.verdict.extracted


def verified(verdict: Verdict | None, spans: Sequence[tuple[int, int]]) -> list[float | None]:
    """Whether a completion is right up to the end of each span, by the steps of a verdict.

    Args:
        verdict: the verdict of a verifier that judges steps.
        spans: (start, end) of each step in characters, in order.

    Returns:
        1.0 or 0.0 for each span; None from the first step that was not judged.
    """
    so_far: float | None = 1.0
    found: list[float | None] = []
    start = 0
    for _, end in spans:
        here = [step.right for step in verdict.steps if start < step.end <= end] if verdict else []
        start = end
        if so_far == 1.0 and False in here:
            so_far = 0.0
        elif so_far == 1.0 and (None in here or not here):
            so_far = None
        found.append(so_far)
    return found


def verified_labels(sample: Sample) -> list[float | None]:
    """`verified` at the labelled steps; empty if no verifier judged the steps."""
    if sample.verdict is None or not sample.verdict.steps:
        return []
    return verified(sample.verdict, [(step.start, step.end) for step in sample.labels])


def write(path: str | Path, samples: Iterable[Sample]) -> None:
    """Write samples with their labels.

    Args:
        path: a parquet file if the name ends in `.parquet`, otherwise a file of JSON lines; its folder is made.
        samples: the samples to write.
    """
    rows = [_row(sample) for sample in samples]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        for name in ("prompt", "id"):  # a column has one type, so mixed values become text, which reading parses
            if len({type(row[name]) for row in rows} - {type(None)}) > 1:
                rows = [row if row[name] is None else {**row, name: _as_text(row[name])} for row in rows]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def from_row(row: Mapping[str, Any]) -> Sample:
    """A sample from a row that `write` wrote.

    Raises:
        ValueError: it is not such a row.
    """
    for column in ("prompt", "completion", "steps"):
        if row.get(column) is None:
            raise ValueError(f"no {column!r}; the row has: {', '.join(row) or 'nothing'}")
    sample = unlabelled({name: row.get(name) for name in ("prompt", "completion", "id")})
    labels, end = [], 0
    for step in row["steps"]:
        if not isinstance(step, Mapping) or not {"start", "end"} <= step.keys():
            raise ValueError("a step is an object with start, end and label")
        first, last = step["start"], step["end"]
        if not isinstance(first, int) or not isinstance(last, int):
            raise ValueError(f"expected whole numbers as start and end of a step, got {first!r} and {last!r}")
        if not 0 <= first <= last <= len(sample.text) or last < end:
            raise ValueError(f"expected steps in order within the completion, got {first} to {last}")
        end = last
        labels.append(label(first, last, step.get("label")))
    scores = list(row.get("verified") or ())
    if scores and len(scores) != len(labels):
        raise ValueError(f"{len(scores)} numbers in 'verified' for {len(labels)} steps")
    steps = [label(at.start, at.end, score) for at, score in zip(labels, scores, strict=bool(scores))]
    answer = None if row.get("answer") is None else str(row["answer"])
    return Sample(
        {name: value for name, value in sample.row.items() if value is not None},
        sample.text,
        [],
        "stop",
        verdict=_verdict(row.get("right"), answer, steps),
        labels=tuple(labels),
    )


def unlabelled(row: Mapping[str, Any]) -> Sample:
    """A sample from a row with `prompt`, `completion` and the columns that judging needs.

    The text of a completion of chat messages is the assistant's last message. The completion counts as truncated if the
    row's `finish_reason` is `length`.

    Raises:
        ValueError: a message contains something other than text, or the completion is neither text nor messages.
    """
    prompt, completion = (text_or_messages(row[column], f"the {column}") for column in ("prompt", "completion"))
    columns = {name: value for name, value in row.items() if name != "completion"} | {"prompt": prompt}
    ended = "length" if row.get("finish_reason") == "length" else "stop"
    return Sample(columns, text_of(completion), [], ended)


def text_or_messages(value: Any, what: str) -> Text:
    """A text as it is, or chat messages in one common form.

    Args:
        value: a value from a file.
        what: a description of the value, for the error.

    Raises:
        ValueError: the value is neither, or a message contains something other than text.
    """
    messages = messages_of(value)
    if messages is None and not isinstance(value, str):
        raise ValueError(f"{what} is neither text nor chat messages but {type(value).__name__}")
    return value if messages is None else messages


def records(path: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The rows of a file or hub data set, each with its location for messages.

    Raises:
        UserError: the source cannot be read, or a row is broken.
    """
    sources: list[Source] = open_sources(path)
    if not any(source.records for source in sources):
        raise UserError(path, "has no rows")
    for source in sources:
        for record in source.records:
            if record.broken:
                raise UserError(source.place(record), record.broken)
            yield source.place(record), record.columns


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_text(value)


def _verdict(right: bool | None, answer: str | None = None, steps: Sequence[Step] = ()) -> Verdict | None:
    """The verdict that a file records about an answer and its steps."""
    if right is not None and right == right:
        if right not in (True, False):
            raise ValueError(f"whether the answer is right must be true, false or missing, not {right!r}")
        return judged(bool(right), extracted=answer, steps=tuple(steps))
    return abstained("unknown", extracted=answer, steps=tuple(steps)) if answer is not None or steps else None


def _row(sample: Sample) -> dict[str, Any]:
    return {
        "prompt": sample.prompt,
        "completion": sample.text,
        "steps": [{"start": step.start, "end": step.end, "label": step.score} for step in sample.labels],
        "right": sample.right,
        "answer": answer_of(sample),
        "verified": verified_labels(sample),
        "id": sample.row.get("id"),
    }
