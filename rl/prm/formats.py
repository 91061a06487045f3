"""Reads files of step labels in the formats that are published, each row into chains.

- `whetstone`: what `whetstone prm label` writes.
- `processbench` (Zheng et al. 2024, arXiv:2412.06559): `problem`, `steps`, `label`, the first wrong step from 0, -1 for
  none; `question` and `first_error_step` are read as well. Steps after the first wrong one have no label.
- `math_shepherd` (Wang et al. 2023, arXiv:2312.08935): `input` with `ки` after each step, `label` the same with `+` or
  `-` in its place. The question ends where the last `Step 1:` before the first mark begins: it may say that itself.
- `conversation` (RLHFlow's models of Dong et al. 2024, arXiv:2405.07863): `conversations` or `messages` of turns, the
  user's with a step each, the first also with the question before it, or alone in a turn of its own; the assistant
  answers each step with `+` or `-`. A system message is not read.
- `prm800k` (Lightman et al. 2023, arXiv:2305.20050): `question.problem`, `label.steps`, each with candidate
  `completions` rated -1, 0 or 1. The chosen ones make one chain; each other candidate makes a chain of its own in which
  that last step alone has a label, so that every rating counts once. Neutral counts as right, as in the paper.
- `stepwise` (TRL): `prompt`, `completions` (the steps), `labels`.

Prompts, completions and steps may be chat messages; of a completion or a step the assistant's words count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewards.reward import text_of
from rl.errors import UserError
from rl.prm.chains import Chain, from_row, join, records
from rl.tasks.messages import messages_of

TAG = "ки"
"""What marks a step's end in Math-Shepherd."""
RATINGS: dict[int | None, float | None] = {-1: 0.0, 0: 1.0, 1: 1.0, None: None}
"""PRM800K's rating → the label."""

Row = Mapping[str, Any]


def read(path: str, form: str, *, separator: str = "\n", template: str = "{question}\n") -> list[Chain]:
    """The chains of a file.

    Args:
        path: a file or hub id, as `rl.tasks.sources` opens it.
        form: a key of `FORMATS`.
        separator: stands between the steps of formats that hold them apart.
        template: the prompt of formats that hold a bare question.

    Raises:
        UserError: no such file, or a row is not of this format.
    """
    chains: list[Chain] = []
    for place, row in records(path):
        try:
            chains += FORMATS[form](row, separator, template)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(place, f"not a row of {form}: {type(error).__name__}: {error}") from None
        except ValueError as error:
            raise UserError(place, f"not a row of {form}: {error}") from None
    return chains


def _whetstone(row: Row, separator: str, template: str) -> Iterator[Chain]:
    yield from_row(row)


def _processbench(row: Row, separator: str, template: str) -> Iterator[Chain]:
    first = row["label"] if "label" in row else row["first_error_step"]
    texts = row["steps"]
    if not isinstance(first, int) or not -1 <= first < len(texts):
        raise ValueError(f"the first wrong step is -1 or a step's index, not {first!r} of {len(texts)} steps")
    labels = [1.0 if first < 0 or i < first else 0.0 if i == first else None for i in range(len(texts))]
    question = row["problem"] if "problem" in row else row["question"]
    more = {"right": row.get("final_answer_correct"), "id": row.get("id")}
    yield join(template.format(question=question), texts, labels, separator, **more)


def _math_shepherd(row: Row, separator: str, template: str) -> Iterator[Chain]:
    text, marked = row["input"], row["label"]
    *parts, rest = text.split(TAG)
    if not parts or rest.strip():
        raise ValueError(f"the input ends with {TAG!r} after its last step")
    labels: list[float | None] = []
    place = 0
    for part in parts:  # the label's text is the input's with a mark for each tag
        if not marked.startswith(part, place):
            raise ValueError(f"label and input differ at step {len(labels)}: {marked[place : place + 40]!r}")
        place += len(part)
        mark = marked[place : place + 1]
        if mark not in ("+", "-"):
            raise ValueError(f"step {len(labels)} is marked {mark!r}, not + or -")
        labels.append(float(mark == "+"))
        place += 1
    question, first = _parted(parts[0])
    texts = [first, *(part.strip() for part in parts[1:])]
    # the last step holds the answer, so its mark says whether that is right
    yield join(template.format(question=question), texts, labels, separator, right=labels[-1] == 1.0)


def _parted(text: str) -> tuple[str, str]:
    """The question and the first step."""
    begins = list(re.finditer(r"Step 1\s*:", text))
    if not begins:
        raise ValueError("no 'Step 1:' where the question would end")
    return text[: begins[-1].start()].strip(), text[begins[-1].start() :].strip()


def _conversation(row: Row, separator: str, template: str) -> Iterator[Chain]:
    turns = messages_of(row["conversations"] if "conversations" in row else row["messages"])
    if turns is None:
        raise ValueError("conversations are turns with role and content")
    said = [(turn["role"], turn["content"].strip()) for turn in turns if turn["role"] != "system"]
    roles = [role for role, _ in said]
    if roles[:2] == ["user", "user"]:  # the question in a turn of its own
        question, steps = said[0][1], said[1:]
    elif said:
        question, first = _parted(said[0][1])
        steps = [("user", first), *said[1:]]
    else:
        raise ValueError("no turns")
    if [role for role, _ in steps] != ["user", "assistant"] * (len(steps) // 2):
        raise ValueError(f"the user's steps and the assistant's marks take turns, got {', '.join(roles)}")
    marks = [text for role, text in steps if role == "assistant"]
    for index, mark in enumerate(marks):
        if mark not in ("+", "-"):
            raise ValueError(f"step {index} is marked {mark!r}, not + or -")
    texts = [text for role, text in steps if role == "user"]
    # as in Math-Shepherd, the last step holds the answer
    yield join(
        template.format(question=question), texts, [float(m == "+") for m in marks], separator, right=marks[-1] == "+"
    )


def _prm800k(row: Row, separator: str, template: str) -> Iterator[Chain]:
    prompt = template.format(question=row["question"]["problem"])
    texts: list[str] = []
    labels: list[float | None] = []
    for step in row["label"]["steps"]:
        candidates = step.get("completions") or []
        chosen = step.get("chosen_completion")
        human = step.get("human_completion")
        if chosen is None and not human and candidates:
            chosen = 0  # labelling ended here: what was rated last is the end of the chain
        for index, candidate in enumerate(candidates):
            if index != chosen:
                unknown: list[float | None] = [None] * len(texts)
                label = RATINGS[candidate.get("rating")]
                yield join(prompt, [*texts, candidate["text"]], [*unknown, label], separator)
        if chosen is not None:
            texts.append(candidates[chosen]["text"])
            labels.append(RATINGS[candidates[chosen].get("rating")])
        elif human:
            texts.append(human["text"])
            labels.append(1.0)  # written by the labeller as the right way on
    if texts:
        yield join(prompt, texts, labels, separator)


def _stepwise(row: Row, separator: str, template: str) -> Iterator[Chain]:
    labels = [None if label is None else float(label) for label in row["labels"]]
    texts = [text_of(messages_of(step) or step) for step in row["completions"]]
    yield join(messages_of(row["prompt"]) or row["prompt"], texts, labels, separator)


FORMATS: dict[str, Callable[[Row, str, str], Iterator[Chain]]] = {
    "whetstone": _whetstone,
    "processbench": _processbench,
    "math_shepherd": _math_shepherd,
    "conversation": _conversation,
    "prm800k": _prm800k,
    "stepwise": _stepwise,
}
"""Name → the chains of one row."""
