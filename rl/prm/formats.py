"""Reads files of step labels in published formats; each row becomes one or more samples with labels.

- `whetstone`: what `whetstone prm label` writes.
- `processbench` (Zheng et al. 2024, arXiv:2412.06559): `problem`, `steps`, and `label`, the index of the first
  wrong step from 0, or -1 for none; `question` and `first_error_step` are accepted as well. Steps after the first wrong
  one have no label.
- `math_shepherd` (Wang et al. 2023, arXiv:2312.08935): `input` with `ки` after each step, and `label`, the same
  text with `+` or `-` instead; a `ки` in both belongs to the text. The question ends where the last `Step 1:` before
  the first mark begins, so the question itself may contain `Step 1:`.
- `conversation` (RLHFlow's models of Dong et al. 2024, arXiv:2405.07863): turns in `conversations` or `messages`. Each
  turn of the user has one step; the question precedes the first step, or has a turn of its own. The assistant answers
  each step with `+` or `-`. A system message is ignored.
- `prm800k` (Lightman et al. 2023, arXiv:2305.20050): `question.problem`, `label.steps`, each with candidate
  `completions` rated -1, 0 or 1. The chosen candidates form one sample. Each other candidate forms a sample in which
  only that last step has a label, so that every rating counts once. Neutral counts as right, as in the paper.
- `stepwise` (TRL): `prompt`, `completions` (the steps), `labels`.

Prompts, completions and steps may be chat messages; in a completion or a step only the assistant's text counts. Lists
may be JSON text, as in tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from rewards.reward import Text, text_of
from rewards.sample import Sample
from rl.errors import UserError
from rl.prm.cells import Row, first_of, flag_cell, list_cell, text_cell, whole_cell
from rl.prm.labelled import from_row, labelled, records, text_or_messages
from rl.tasks.layout import template_fields
from rl.tasks.messages import messages_of

TAG = "ки"
"""The mark of a step's end in Math-Shepherd."""
RATINGS: dict[int | None, float | None] = {-1: 0.0, 0: 1.0, 1: 1.0, None: None}
"""PRM800K's rating → the label."""


class LabelLayout(NamedTuple):
    r"""The layout of a file of labels, from command-line options: `\n` and `\t` stand for a line break and a tab.

    Attributes:
        form: a key of `FORMATS`.
        separator: text to put between steps, for formats with separate steps; None for a line break.
        template: template of the prompt, for formats with a bare question.
    """

    form: str = "whetstone"
    separator: str | None = None
    template: str = "{question}\\n"

    def read(self, path: str) -> list[Sample]:
        """The samples of a file (`read`)."""
        separator = "\n" if self.separator is None else escaped(self.separator)
        return read(path, self.form, separator=separator, template=escaped(self.template))


def escaped(text: str) -> str:
    r"""Text of the command line with `\n` and `\t` read as a line break and a tab."""
    return text.replace("\\n", "\n").replace("\\t", "\t")


def read(path: str, form: str, *, separator: str = "\n", template: str = "{question}\n") -> list[Sample]:
    """The samples of a file, with their step labels.

    Args:
        path: a file or hub id, as `rl.tasks.sources` opens it.
        form: a key of `FORMATS`.
        separator: text to put between steps, for formats with separate steps.
        template: template of the prompt, for formats with a bare question.

    Raises:
        UserError: the template shows anything other than the question, there is no such file, or a row does not have
            this format.
    """
    try:
        fields = template_fields(template)
    except UserError as error:
        raise UserError("--template", error.what) from None
    if fields != ("question",):
        raise UserError("--template", f"shows {{question}} and nothing else of the data, not {template!r}")
    samples: list[Sample] = []
    for place, row in records(path):
        try:
            samples += FORMATS[form](row, separator, template)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # all but a ValueError: a part of the row is of another kind altogether
            what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise UserError(place, f"not a row of {form}: {what}{_other_form(row, form)}") from None
    return samples


def _other_form(row: Row, form: str) -> str:
    """A hint about the format whose columns a row has, for the end of a message."""
    fitting = [name for name, columns in COLUMNS.items() if all(any(n in row for n in names) for names in columns)]
    return f"; its columns are those of --format {fitting[0]}" if fitting and form not in fitting else ""


def _whetstone(row: Row, separator: str, template: str) -> Iterator[Sample]:
    yield from_row(row)


def _processbench(row: Row, separator: str, template: str) -> Iterator[Sample]:
    first = whole_cell(first_of(row, "label", "first_error_step"), "the first wrong step")
    texts = list_cell(first_of(row, "steps"), "steps")
    if not -1 <= first < len(texts):
        raise ValueError(
            f"expected -1 or the index of a step as the first wrong step, got {first} of {len(texts)} steps"
        )
    labels = [1.0 if first < 0 or i < first else 0.0 if i == first else None for i in range(len(texts))]
    prompt = _prompt(first_of(row, "problem", "question"), template)
    yield labelled(prompt, texts, labels, separator, right=flag_cell(row.get("final_answer_correct")), id=row.get("id"))


def _math_shepherd(row: Row, separator: str, template: str) -> Iterator[Sample]:
    text, marked = (text_cell(first_of(row, name), name) for name in ("input", "label"))
    parts: list[str] = []
    labels: list[float | None] = []
    begin = cursor = place = 0  # of the step and of what is compared next, in the text and in the label's
    while (tag := text.find(TAG, cursor)) >= 0:
        if not marked.startswith(text[cursor:tag], place):
            raise ValueError(f"label and input differ at step {len(labels)}: {marked[place : place + 40]!r}")
        place += tag - cursor
        cursor = tag + len(TAG)
        if marked.startswith(TAG, place):
            place += len(TAG)
            continue
        labels.append(_mark(marked[place : place + 1], len(labels)))
        parts.append(text[begin:tag])
        place, begin = place + 1, cursor
    if not parts or text[begin:].strip():
        raise ValueError(f"the input ends with {TAG!r} after its last step")
    question, first = _parted(parts[0])
    texts = [first, *(part.strip() for part in parts[1:])]
    # the last step holds the answer, so its mark says whether that is right
    yield labelled(_prompt(question, template), texts, labels, separator, right=labels[-1] == 1.0)


def _mark(mark: str, step: int) -> float:
    if mark not in ("+", "-"):
        raise ValueError(f"expected + or - as the mark of step {step}, got {mark!r}")
    return float(mark == "+")


def _parted(text: str) -> tuple[str, str]:
    """The question and the first step."""
    begins = list(re.finditer(r"Step 1\s*:", text))
    if not begins:
        raise ValueError("no 'Step 1:' where the question would end")
    return text[: begins[-1].start()].strip(), text[begins[-1].start() :].strip()


def _conversation(row: Row, separator: str, template: str) -> Iterator[Sample]:
    turns = messages_of(first_of(row, "conversations", "messages"))
    if turns is None:
        raise ValueError("expected a conversation of turns with role and content")
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
        raise ValueError(f"expected the user's steps and the assistant's marks to alternate, got {', '.join(roles)}")
    labels = [_mark(text, index) for index, text in enumerate(text for role, text in steps if role == "assistant")]
    texts = [text for role, text in steps if role == "user"]
    # as in Math-Shepherd, the last step holds the answer
    yield labelled(_prompt(question, template), texts, labels, separator, right=labels[-1] == 1.0)


def _prm800k(row: Row, separator: str, template: str) -> Iterator[Sample]:
    prompt = _prompt(first_of(row, "question.problem"), template)
    texts: list[str] = []
    labels: list[float | None] = []
    for place, step in enumerate(list_cell(first_of(row, "label.steps"), "label.steps")):
        candidates = step.get("completions") or []
        chosen = step.get("chosen_completion")
        human = step.get("human_completion")
        if chosen is None and not human and candidates:
            chosen = 0  # labelling ended here, so the last rated candidate ends the solution
        if chosen is not None and not 0 <= chosen < len(candidates):
            raise ValueError(f"step {place} chooses completion {chosen} of {len(candidates)}")
        rated = [_rating(candidate, place) for candidate in candidates]
        for index, (candidate, label) in enumerate(zip(candidates, rated, strict=True)):
            if index != chosen:
                unknown: list[float | None] = [None] * len(texts)
                yield labelled(prompt, [*texts, candidate["text"]], [*unknown, label], separator)
        if chosen is not None:
            texts.append(candidates[chosen]["text"])
            labels.append(rated[chosen])
        elif human:
            texts.append(text_cell(human if isinstance(human, str) else human.get("text"), f"step {place}"))
            labels.append(1.0)  # written by the labeller as the right way on
    if texts:
        yield labelled(prompt, texts, labels, separator)


def _rating(candidate: Mapping[str, Any], step: int) -> float | None:
    text_cell(candidate.get("text"), f"a completion of step {step}")
    rating = candidate.get("rating")
    if rating not in RATINGS:
        raise ValueError(f"a completion of step {step} is rated {rating!r}, not -1, 0 or 1")
    return RATINGS[rating]


def _stepwise(row: Row, separator: str, template: str) -> Iterator[Sample]:
    steps = list_cell(first_of(row, "completions"), "completions")
    texts = [text_of(text_or_messages(step, f"step {place}")) for place, step in enumerate(steps)]
    prompt = text_or_messages(first_of(row, "prompt"), "the prompt")
    yield labelled(prompt, texts, list_cell(first_of(row, "labels"), "labels"), separator)


def _prompt(question: Any, template: str) -> Text:
    """A bare question in the template, or chat messages as they are."""
    asked = text_or_messages(question, "the question")
    return template.format(question=asked) if isinstance(asked, str) else asked


FORMATS: dict[str, Callable[[Row, str, str], Iterator[Sample]]] = {
    "whetstone": _whetstone,
    "processbench": _processbench,
    "math_shepherd": _math_shepherd,
    "conversation": _conversation,
    "prm800k": _prm800k,
    "stepwise": _stepwise,
}
"""Name of a format → the function that makes samples of a row."""
COLUMNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "whetstone": (("prompt",), ("completion",), ("steps",)),
    "processbench": (("problem", "question"), ("steps",), ("label", "first_error_step")),
    "math_shepherd": (("input",), ("label",)),
    "conversation": (("conversations", "messages"),),
    "prm800k": (("question",), ("label",)),
    "stepwise": (("prompt",), ("completions",), ("labels",)),
}
"""Name of a format → the columns of a row, each as a tuple of accepted names."""
