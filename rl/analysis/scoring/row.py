"""One row of somebody's data as scoring reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rl.tasks.layout import as_text
from rl.tasks.messages import last_user, messages_of
from verifiers.runtime.golds import golds_of

GROUP = "group of the completion"
"""Where a row keeps what says which prompt it is of, until that stands apart."""


def read_row(data: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """A row as scoring reads it: the columns of the data, and over them what was made of them.

    Args:
        data: the columns of the data.
        made: what is read → its value in this row.

    Raises:
        ValueError: a value that is not what it should be.
    """
    row = {**data, **made}
    if "gold" in made:
        golds = [
            gold if isinstance(gold, str) else as_text(gold) for gold in golds_of(made["gold"]) if gold is not None
        ]
        golds = [gold.strip() for gold in golds if gold.strip()]
        row["gold"] = None if not golds else golds[0] if len(golds) == 1 else golds
    if "correct" in row and "correct" not in made:
        row["row.correct"] = row.pop("correct")
    if not is_share(row.get("correct")):
        raise ValueError(f"correct: a number in [0, 1] is wanted, got {row['correct']!r}")
    if "correct" in row:
        row["correct"] = _share(row["correct"])
    completion = row["completion"] = _completion(made["completion"])
    if "prompt" in made:
        row["prompt"] = _prompt(made["prompt"])
    if isinstance(completion, list) and completion and isinstance(completion[0], Mapping):
        asked = last_user(completion)
        if completion[0]["role"] in ("system", "user") and asked is not None:  # a whole conversation
            row["completion"] = completion[asked + 1 :] or None
            if row.get("prompt") is None:
                row["prompt"] = completion[: asked + 1]
    if "group" in made:
        row[GROUP] = made["group"]
    return row


def _completion(value: Any) -> Any:
    """A text, chat messages, or a list of these; None where there is none.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, Mapping) and not _MESSAGE & value.keys():
        value = _from_server(value)
    if value is None or value != value or value == []:
        return None
    if (messages := messages_of(value)) is not None:
        return messages
    if isinstance(value, list):
        parts = [one for part in value for one in (part if _is_texts(part) else [part])]  # lm-eval: a list a request
        if any(isinstance(part, list) and part and messages_of(part) is None for part in parts):
            raise ValueError("the completion is no text, list of texts or chat, but a list of lists")
        found = [_completion(part) for part in parts]
        if None in found and found.count(None) < len(found):
            raise ValueError(f"of its {len(found)} completions {found.count(None)} are missing")
        return None if None in found else found
    if isinstance(value, int | float):
        return as_text(value)
    if not isinstance(value, str):
        raise ValueError(f"the completion is no text, list of texts or chat, but {type(value).__name__}")
    return value


_MESSAGE = {"role", "from"}


def _from_server(value: Mapping[str, Any]) -> Any:
    """What a server's answer says, as it is saved: a line of OpenAI's batches, a chat completion, an output of vLLM.

    Returns:
        Its completions, or the one of a choice; None where it holds an error instead; the value itself where its form
        is not known.
    """
    if value.get("error") or value.get("status_code", 200) != 200:
        return None
    body, choices, message = (value.get(name) for name in ("body", "choices", "message"))
    if isinstance(body, Mapping):
        return _from_server(body)
    if isinstance(choices, list):
        return [_from_server(choice) if isinstance(choice, Mapping) else choice for choice in choices]
    if isinstance(message, Mapping):
        return [message]
    return value["text"] if isinstance(value.get("text"), str) else value


def asked(conversation: Any) -> Any:
    """The prompt of a conversation whose completion stands elsewhere: up to the user's last message."""
    messages = messages_of(conversation)
    last = None if messages is None else last_user(messages)
    return None if messages is None or last is None else messages[: last + 1]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _prompt(value: Any) -> Any:
    """A text or chat messages; None where there is none."""
    if value is None or value != value or value in ("", []):
        return None
    return messages_of(value) or (value if isinstance(value, str) else joined(value))


def is_share(value: Any) -> bool:
    """Whether a value says how right a completion is: true, false, a number in [0, 1], or nothing."""
    try:
        share = _share(value)
    except (TypeError, ValueError):
        return False
    return share is None or 0 <= share <= 1


def _share(value: Any) -> float | None:
    """The value as a number, also where a CSV file has it as a word; None for nothing."""
    if isinstance(value, str):
        value = {"true": 1.0, "false": 0.0, "": None}.get(value.strip().lower(), value)
    return None if value is None or value != value else float(value)


def joined(value: Any) -> str:
    """The value as text; a list is its items, a blank line between two."""
    if isinstance(value, list):
        return "\n\n".join(joined(item) for item in value)
    return value if isinstance(value, str) else as_text(value)
