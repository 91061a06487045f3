"""Token positions at which a PRM scores each step; shared by PRM training and the process reward."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rewards.models.heads import Encoded
from rewards.models.prompts import beginning, encode, render
from rewards.models.types import Classifier, Tokenizer
from rewards.reward import Text

READ_AT = "last token of each step"
"""Where models of `whetstone prm train` are read, as recorded in their `prm.json`."""
FORM_FILE = "prm.json"
"""File next to the weights of such a model with a description of it."""
FINAL: dict[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "mean": lambda scores: sum(scores) / len(scores),
    "product": math.prod,
    "last": lambda scores: scores[-1],
}
"""Functions that turn the scores of a completion's steps into one number."""
RIGHT_WORDS = frozenset({"right", "correct", "good", "positive", "pos", "true", "yes", "+"})
WRONG_WORDS = frozenset({"wrong", "incorrect", "bad", "negative", "neg", "error", "false", "no", "-"})
"""Usual names of the two classes of a process reward model."""


def encode_steps(
    tokenizer: Tokenizer,
    prompt: Text,
    completion: str,
    ends: Sequence[int],
    longest: int | None = None,
    *,
    together: str | None = None,
) -> Encoded:
    """Token ids of prompt and completion, and the index of the last token of each step.

    For an empty completion it is the last token of the prompt.

    Args:
        tokenizer: a fast tokenizer, which knows the characters of its tokens.
        prompt: a string, or chat messages for the chat template.
        completion: the text with the steps.
        ends: index after the last character of each step, in order.
        longest: largest number of tokens; the rest is cut off, and steps that end in it have the index -1.
        together: text between prompt and completion if they are tokenized as one text; None tokenizes them separately,
            as when a policy reads the prompt and writes the completion.

    Raises:
        ValueError: the tokenizer does not know the characters of its tokens.
    """
    if not tokenizer.is_fast:
        raise ValueError("its tokenizer is not a fast one, so the end of a step cannot be found in its tokens")
    before = render(prompt, tokenizer)
    shift = 0
    if together is None:
        prefix = encode(before, tokenizer)
    else:
        shift = len(before.text) + len(together)
        completion = before.text + together + completion
        prefix = [] if before.templated else beginning(tokenizer, completion)
    encoded = tokenizer(completion, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start for start, _ in encoded["offset_mapping"]]
    ids = prefix + list(encoded["input_ids"])
    places, token = [], 0
    for end in ends:
        # the last token that starts within the step contains its last character
        while token + 1 < len(starts) and starts[token + 1] < end + shift:
            token += 1
        places.append(len(prefix) + (token if starts else -1))
    if longest is not None and len(ids) > longest:
        ids = ids[:longest]
        places = [place if place < longest else -1 for place in places]
    return Encoded(ids, places, len(prefix))


def right_class(model: Classifier) -> list[int] | None:
    """The class of a token-classification model that means right, by its name.

    Args:
        model: a model with `config.id2label`.

    Returns:
        The class; None if the names do not tell, in which case it is the only class, or the second of two.
    """
    names = {int(label): str(name).strip().lower() for label, name in (model.config.id2label or {}).items()}
    if len(names) != 2:
        return None
    right = [label for label, name in names.items() if name in RIGHT_WORDS]
    wrong = [label for label, name in names.items() if name in WRONG_WORDS]
    if len(right) == 1:
        return right
    return [label for label in names if label not in wrong] if len(wrong) == 1 else None


def check_marker(tokenizer: Tokenizer, marker: str) -> None:
    """Check that a tokenizer knows the marker after each step.

    Args:
        tokenizer: the model's tokenizer.
        marker: the marker, such as `<extra_0>` or a line break.

    Raises:
        ValueError: the marker is not a token, or is the unknown token.
    """
    ids = tokenizer(marker, add_special_tokens=False)["input_ids"]
    if not ids or (tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids):
        raise ValueError(f"marker: {marker!r} is not a token of the model's tokenizer")


def marked(text: str, ends: Sequence[int], marker: str) -> tuple[str, list[int]]:
    """Add a marker after each step that does not have one.

    Args:
        text: a completion.
        ends: index after the last character of each step, in order.
        marker: the marker.

    Returns:
        The text with markers, and the index after the last character of each marker.
    """
    parts, places, length, done = [], [], 0, 0
    for end in ends:
        if text.startswith(marker, end):
            end += len(marker)
        step = text[done:end] if text.endswith(marker, 0, end) else text[done:end] + marker
        parts.append(step)
        length += len(step)
        places.append(length)
        done = max(done, end)
    return "".join([*parts, text[done:]]), places
