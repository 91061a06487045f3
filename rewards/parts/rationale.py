"""Where the rationale of a completion ends and its answer begins, and how a model is asked with and without it."""

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
    """A completion in its two parts.

    Attributes:
        rationale: what comes before the last marker, without the space at its end.
        answer: what comes after.
        marked: whether there was a marker; without one all of it is rationale.
    """

    rationale: str
    answer: str
    marked: bool


@dataclass(frozen=True)
class Layout:
    """How a completion is split, and how the question is put to a model.

    Attributes:
        marker: what stands between rationale and answer; None where completions are rationale alone.
        with_rationale: what comes before the answer, with `{prompt}` and `{rationale}`.
        without_rationale: the same, with `{prompt}` alone.
        answer: an answer in that place, with `{label}` and `{text}` of a choice; where there are no choices both are
            the gold.
    """

    marker: str | None = "So the answer is"
    with_rationale: str = "{prompt}{rationale} So the answer is"
    without_rationale: str = "{prompt} So the answer is"
    answer: str = " {text}."

    def split(self, completion: str) -> Split:
        """The completion in its two parts, at the last marker outside of its thinking."""
        start, end = spoken(completion)
        place = -1 if self.marker is None else completion.rfind(self.marker, start, end)
        if self.marker is None or place < 0:
            return Split(completion.rstrip(), "", self.marker is None)
        return Split(completion[:place].rstrip(), completion[place + len(self.marker) : end], True)

    def before(self, prompt: str, rationale: str | None) -> str:
        """What a model reads before the answer."""
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
        """What a model reads before the answer, as its tokenizer lays the prompt out.

        Args:
            prompt: a string or chat messages.
            rationale: None to ask without one.
            tokenizer: of the model that is asked.
            template_kwargs: variables of its chat template.
        """
        rendered = render(prompt, tokenizer, template_kwargs)
        return rendered._replace(text=self.before(rendered.text, rationale))


LAYOUTS = {
    "facts": Layout("Answer:", "{prompt}{rationale} Answer:", "{prompt} Answer:", " ({label})"),
    "chain": Layout("#", "{prompt}{rationale}#", "{prompt}#", "{text}"),
}
"""The task's verifier → the layout of its completions; for others MaRio's, with `So the answer is`."""
_PLACES = {
    "with_rationale": ({"prompt", "rationale"}, {"rationale"}),
    "without_rationale": ({"prompt"}, {"prompt"}),
    "answer": ({"label", "text"}, {"label", "text"}),
}
"""Template → the places it may have, and those of which it needs one."""
OPTIONS = tuple(field.name for field in fields(Layout))


def layout(options: Mapping[str, Any], task: str) -> Layout:
    """The task's layout with what the options change.

    Raises:
        ValueError: a template that lacks its place, or has one that is not known.
    """
    changed = replace(LAYOUTS.get(task, Layout()), **{key: options[key] for key in OPTIONS if key in options})
    if changed.marker == "":
        raise ValueError("marker: an empty one stands everywhere; make it null where completions are rationale alone")
    if changed.marker is not None and not isinstance(changed.marker, str):
        raise ValueError(f"marker: a text or null is wanted, got {changed.marker!r}")
    for name, (places, needed) in _PLACES.items():
        template = getattr(changed, name)
        try:
            found = {place for _, place, _, _ in string.Formatter().parse(template) if place is not None}
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {template!r} is no template: {error}") from None
        if found - places or not found & needed:
            raise ValueError(
                f"{name}: {template!r} has the places {sorted(found)}; it may have {sorted(places)}, and needs "
                f"{' or '.join(sorted(needed))}; a brace itself is written twice"
            )
    return changed


def choices_of(choices: Any, gold: Any) -> tuple[list[str], list[str], int | None]:
    """Labels and texts of a row's choices, and which is the gold one, by its label or else its text; None for none.

    Raises:
        ValueError: the choices have no form that is known.
    """
    labels, texts = labelled(choices)
    if gold is None:
        return labels, texts, None
    plain = str(gold).strip().strip("().").strip().lower()
    by_label = [index for index, label in enumerate(labels) if label.lower() == plain]
    by_text = [index for index, text in enumerate(texts) if normalised(text) == normalised(str(gold))]
    return labels, texts, next(iter(by_label + by_text), None)


def _shown(answer: Any) -> str | None:
    """The gold answer that a model is asked about; None where there is none, or it is blank."""
    gold = first_gold(answer)
    return None if gold is None or not str(gold).strip() else str(gold)


class Asked(NamedTuple):
    """What a model is asked of a completion.

    Attributes:
        row: of the completion in its batch.
        prompt: as the batch has it.
        rationale: the completion's own.
        answers: the choices as answers, or the gold answer alone.
        gold: which of them is right.
    """

    row: int
    prompt: Text
    rationale: str
    answers: list[str]
    gold: int


def asked(
    layout: Layout,
    prompts: Sequence[Text],
    completions: Sequence[Text],
    columns: Mapping[str, Any],
    *,
    among: bool,
) -> tuple[list[Asked], dict[int, str]]:
    """What a model is asked of each completion that can be judged, and row → error where the data is broken.

    Left out are those without a marker, without a gold answer, and whose gold is none of the choices. Of several golds
    the first is asked for.

    Args:
        layout: of the completions.
        prompts: B prompts.
        completions: B completions.
        columns: has `gold`, and `choices` where they are asked about.
        among: whether the gold is asked for among the row's choices, or alone.

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
            failures[row] = f"the choice {blank[0]!r} is blank, so that a model cannot answer with it"
        elif right is not None:
            found.append(Asked(row, prompts[row], split.rationale, answers, right))
    return found, failures
