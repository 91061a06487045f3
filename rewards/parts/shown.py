"""The teacher's own prompt, which may show the answer, worked examples, or a right sibling completion."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.reward import Text, content_of
from verifiers.runtime.golds import first_gold
from verifiers.runtime.names import nearest

SIBLING = "sibling"
"""Placeholder for another completion of the same prompt that is right."""


def columns_of(template: str) -> tuple[str, ...]:
    """The columns that a template shows, without duplicates.

    Raises:
        ValueError: the template is invalid, or shows no column.
    """
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field is not None]
        template.format(**dict.fromkeys(fields, ""))
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"{template!r} cannot be filled in ({error}); put columns in braces, and write a brace of the text itself "
            f"twice"
        ) from None
    if not fields:
        raise ValueError(f"{template!r} shows no column, so it lacks the question; add {{prompt}}")
    return tuple(dict.fromkeys(fields))


def columns_of_option(template: str) -> tuple[str, ...]:
    """The same for an option called `prompt`, which the message names.

    Raises:
        ValueError: as in `columns_of`.
    """
    try:
        return columns_of(template)
    except ValueError as error:
        raise ValueError(f"prompt: {error}") from None


def shown(prompt: Text, template: str, row: Mapping[str, Any], sibling: str | None = None) -> Text:
    """Make the teacher's prompt from the policy's.

    Args:
        prompt: the policy's prompt: a string, or chat messages, the last of which fills `{prompt}` and is replaced.
        template: text with placeholders: `{prompt}`, columns of the row, and `{sibling}`; for `{gold}`, the first of
            several golds is used.
        row: column → value.
        sibling: text for `{sibling}`.

    Raises:
        ValueError: the template shows a column that the row lacks.
    """
    own = prompt if isinstance(prompt, str) else content_of(prompt[-1])
    values: dict[str, Any] = {**row, "prompt": own}
    if "gold" in row:
        values["gold"] = first_gold(row["gold"])
    if sibling is not None:
        values[SIBLING] = sibling
    for name in columns_of(template):
        if values.get(name) is None:
            raise ValueError(f"prompt: the row has no column {name!r}; {nearest(name, values)}")
    text = template.format(**values)
    return text if isinstance(prompt, str) else [*prompt[:-1], {**prompt[-1], "content": text}]


def right_siblings(prompts: Sequence[Text], texts: Sequence[str], right: Sequence[bool | None]) -> list[str | None]:
    """For each completion, the first right completion of the same prompt with another text, or None.

    Args:
        prompts: B prompts, which are equal for the same question.
        texts: B completions.
        right: whether each is right.
    """
    of_prompt: dict[str, list[str]] = {}
    for prompt, text, is_right in zip(prompts, texts, right, strict=True):
        if is_right:
            of_prompt.setdefault(repr(prompt), []).append(text)
    return [
        next((other for other in of_prompt.get(repr(prompt), []) if other != text), None)
        for prompt, text in zip(prompts, texts, strict=True)
    ]
