"""The choices of a row of given data in any of the usual forms, and answers that are places in their list."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from verifiers.choice import choices_from_text

Choices = list[dict[str, Any]]
"""`[{label, text}]`."""


def choices_of(value: Any) -> Choices:
    """Choices as `[{label, text}]`.

    Args:
        value: the same; `{label: [...], text: [...]}`; label → text; a list of texts or numbers, which get the letters
            from A as labels; or the text of any of these, as in a CSV file.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, str):
        try:
            value = choices_from_text(value)
        except ValueError:
            raise ValueError(f"is neither a list nor the text of a list: {_short(value)}") from None
    if isinstance(value, dict) and {"label", "text"} <= value.keys():
        labels, texts = value["label"], value["text"]
        if len(labels) != len(texts):
            raise ValueError(f"has {len(labels)} labels for {len(texts)} texts")
        return [{"label": str(label), "text": str(text)} for label, text in zip(labels, texts, strict=True)]
    if isinstance(value, dict) and value and all(map(_is_text, value.values())):
        return [{"label": str(label), "text": str(text)} for label, text in value.items()]
    if isinstance(value, list) and value and all(map(_is_text, value)):
        return [{"label": string.ascii_uppercase[i % 26], "text": str(text)} for i, text in enumerate(value)]
    if isinstance(value, list) and value and all(isinstance(c, dict) and {"label", "text"} <= c.keys() for c in value):
        return value
    raise ValueError(f"is not a list of label and text: {_short(str(value))}")


def labels_at(gold: str | list[str], choices: Choices, first: int) -> str | list[str]:
    """The labels of the choices at the places that an answer names.

    Args:
        gold: a place in the list of choices, or several of which any counts as right.
        choices: the choices.
        first: the number of the first place.

    Raises:
        ValueError: a place is not in the list.
    """
    if isinstance(gold, list):
        return [str(labels_at(one, choices, first)) for one in gold]
    places = {str(place): str(choice["label"]) for place, choice in enumerate(choices, start=first)}
    if gold not in places:
        last = first + len(choices) - 1
        raise ValueError(f"{gold}, and the choices have the places {first} to {last} (task.choices_from)")
    return places[gold]


def refuse_places(gold: str | list[str], choices: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an answer that seems to be a place in the list of choices, although nothing says that answers are places.

    Args:
        gold: the answer, or several that count.
        choices: the choices, each with `label` and `text`.

    Raises:
        ValueError: it is a whole number and neither label nor text of a choice.
    """
    first = gold if isinstance(gold, str) else gold[0]
    known = {str(choice[of]).strip("(). ") for choice in choices for of in ("label", "text")}
    if first.isdecimal() and first not in known:
        raise ValueError(
            f"{first}, which is none of the choices; if it is a place in their list, task.choices_from is the number "
            f"of the first place, such as 0"
        )


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
