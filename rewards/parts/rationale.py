"""Splits a completion into rationale and answer, and poses the question to a model with and without the rationale."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rewards.models.prompts import Rendered, render
from rewards.parts.columns import column
from rewards.reward import Text, text_of
from verifiers.answer.completion import spoken
from verifiers.answer.normal import normalised
from verifiers.choice import labelled
from verifiers.runtime.golds import first_gold

if TYPE_CHECKING:
    from rewards.models.types import Tokenizer


class Split(NamedTuple):
    """The two parts of a completion.

    Attributes:
        rationale: the text before the last marker, without trailing space.
        answer: the text after it.
        marked: whether there was a marker; without one, the whole completion is the rationale.
    """

    rationale: str
    answer: str
    marked: bool


@dataclass(frozen=True)
class RationaleLayout:
    """How a completion is split, and how the question is posed to a model.

    Attributes:
        marker: text between rationale and answer; None if completions consist of a rationale alone.
        with_rationale: template of the text before the answer, with `{prompt}` and `{rationale}`.
        without_rationale: template of the text before the answer, with `{prompt}` alone.
        answer: template of the answer, with `{label}` and `{text}` of a choice; without choices, both are the gold
            answer.
    """

    marker: str | None = "So the answer is"
    with_rationale: str = "{prompt}{rationale} So the answer is"
    without_rationale: str = "{prompt} So the answer is"
    answer: str = " {text}."

    def split(self, completion: str) -> Split:
        """Split a completion at the last marker outside its reasoning."""
        place, end = self._place(completion)
        if self.marker is None or place is None:
            return Split(completion.rstrip(), "", self.marker is None)
        return Split(completion[:place].rstrip(), completion[place + len(self.marker) : end], True)

    def until(self, completion: str) -> int | None:
        """The number of characters up to and with the marker's first, by which the policy ends its rationale.

        None if the whole completion is rationale.

        Args:
            completion: the completion.
        """
        place, _ = self._place(completion)
        return None if place is None else place + 1

    def _place(self, completion: str) -> tuple[int | None, int]:
        """Where the last marker outside the reasoning starts, None for nowhere; and where what is said ends."""
        start, end = spoken(completion)
        place = -1 if self.marker is None else completion.rfind(self.marker, start, end)
        return (None if place < 0 else place), end

    def before(self, prompt: str, rationale: str | None) -> str:
        """The text before the answer.

        Args:
            prompt: the prompt as text.
            rationale: the rationale; None for none.
        """
        if rationale is None:
            return self.without_rationale.format(prompt=prompt)
        return self.with_rationale.format(prompt=prompt, rationale=rationale)

    def put(
        self,
        prompt: Text,
        rationale: str | None,
        tokenizer: Tokenizer,
        template_kwargs: Mapping[str, Any] | None = None,
    ) -> Rendered:
        """The text before the answer, with the prompt as the model's tokenizer lays it out.

        Args:
            prompt: a string or chat messages.
            rationale: the rationale; None for none.
            tokenizer: the model's tokenizer.
            template_kwargs: variables of its chat template.
        """
        rendered = render(prompt, tokenizer, template_kwargs)
        return rendered._replace(text=self.before(rendered.text, rationale))


LAYOUTS = {
    "facts": RationaleLayout("Answer:", "{prompt}{rationale} Answer:", "{prompt} Answer:", " ({label})"),
    "chain": RationaleLayout("#", "{prompt}{rationale}#", "{prompt}#", "{text}"),
}
"""Name of a task's verifier → layout of its completions; other tasks have MaRio's, with `So the answer is`."""
_PLACES = {
    "with_rationale": ({"prompt", "rationale"}, {"rationale"}),
    "without_rationale": ({"prompt"}, {"prompt"}),
    "answer": ({"label", "text"}, {"label", "text"}),
}
"""Template → its possible placeholders, and those of which it needs at least one."""
OPTIONS = tuple(field.name for field in fields(RationaleLayout))


def layout(options: Mapping[str, Any], task: str) -> RationaleLayout:
    """The layout of a task, with changes from a reward's options.

    Args:
        options: options with the names of `RationaleLayout`'s attributes.
        task: the name of the task's verifier.

    Raises:
        ValueError: a template lacks a placeholder, or has an unknown one.
    """
    changed = replace(LAYOUTS.get(task, RationaleLayout()), **{key: options[key] for key in OPTIONS if key in options})
    if changed.marker == "":
        raise ValueError(
            "marker: an empty marker matches everywhere; set it to null if completions are rationales alone"
        )
    if changed.marker is not None and not isinstance(changed.marker, str):
        raise ValueError(f"marker: expected a text or null, got {changed.marker!r}")
    for name, (places, needed) in _PLACES.items():
        template = getattr(changed, name)
        try:
            found = {place for _, place, _, _ in string.Formatter().parse(template) if place is not None}
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {template!r} is not a valid template: {error}") from None
        if found - places or not found & needed:
            raise ValueError(
                f"{name}: {template!r} has the placeholders {sorted(found)}; it may have {sorted(places)}, and "
                f"needs {' or '.join(sorted(needed))}; to get a brace in the text, write it twice"
            )
    return changed


def choices_of(choices: Any, gold: Any) -> tuple[list[str], list[str], int | None]:
    """The labels and texts of a row's choices, and the index of the gold choice (None for none), by its label or text.

    Args:
        choices: a list of texts, of `{label, text}`, or `{label: [...], text: [...]}`.
        gold: the label or the text of the right choice; None if unknown.

    Raises:
        ValueError: the choices do not have a known form.
    """
    labels, texts = labelled(choices)
    if gold is None:
        return labels, texts, None
    plain = str(gold).strip().strip("().").strip().lower()
    by_label = [index for index, label in enumerate(labels) if label.lower() == plain]
    by_text = [index for index, text in enumerate(texts) if normalised(text) == normalised(str(gold))]
    return labels, texts, next(iter(by_label + by_text), None)


def _shown(answer: Any) -> str | None:
    """The gold answer to ask about; None if it is missing or blank."""
    gold = first_gold(answer)
    return None if gold is None or not str(gold).strip() else str(gold)


class Asked(NamedTuple):
    """The question to a model about a completion.

    Attributes:
        row: index of the completion in its batch.
        prompt: the prompt.
        rationale: the rationale of the completion.
        answers: the choices as answers, or the gold answer alone.
        gold: index of the right answer.
    """

    row: int
    prompt: Text
    rationale: str
    answers: list[str]
    gold: int


def asked(
    layout: RationaleLayout,
    prompts: Sequence[Text],
    completions: Sequence[Text],
    columns: Mapping[str, Any],
    *,
    among: bool,
) -> tuple[list[Asked], dict[int, str]]:
    """The question about each completion that can be judged, and row → error for rows with broken data.

    Completions without a marker or a gold answer, or whose gold answer is not one of the choices, are left out. Of
    several gold answers the first is used.

    Args:
        layout: layout of the completions.
        prompts: B prompts.
        completions: B completions.
        columns: the columns, with `gold` and, if `among` is true, `choices`.
        among: whether to ask about all choices of the row, or about the gold answer alone.

    Raises:
        ValueError: a column is missing.
    """
    gold = [_shown(answer) for answer in column(columns, "gold", len(completions))]
    choices = column(columns, "choices", len(completions)) if among else [None] * len(completions)
    found, failures = [], {}
    for row, completion in enumerate(completions):
        split = layout.split(text_of(completion))
        if not split.marked or gold[row] is None or (among and choices[row] is None):
            continue
        try:
            labels, texts, right = choices_of(choices[row], gold[row]) if among else ([gold[row]], [gold[row]], 0)
        except ValueError as error:
            failures[row] = str(error)
            continue
        answers = [layout.answer.format(label=a, text=b) for a, b in zip(labels, texts, strict=True)]
        if blank := [label for label, answer in zip(labels, answers, strict=True) if not answer.strip()]:
            failures[row] = f"the choice {blank[0]!r} is blank, so a model cannot answer with it"
        elif right is not None:
            found.append(Asked(row, prompts[row], split.rationale, answers, right))
    return found, failures
