"""Converts one row of a data set to what scoring reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rl.tasks.layout import as_text
from rl.tasks.messages import last_user, messages_of
from verifiers.runtime.golds import golds_of

GROUP = "group of the completion"
"""Key under which a row keeps the identifier of its prompt until that is moved to a list of its own."""


def read_row(data: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """A row as scoring reads it: the columns of the data, overridden by the fields made from them.

    Args:
        data: the columns of the data.
        made: field → its value in this row.

    Raises:
        ValueError: a value is not of the expected kind.
    """
    row = {**data, **made}
    if "gold" in made:
        if isinstance(made["gold"], Mapping):
            keys = ", ".join(f"gold.{key}" for key in made["gold"])
            raise ValueError(f"the gold is an object; --column gold=COLUMN.KEY names what is in it: {keys}")
        golds = [
            gold if isinstance(gold, str) else as_text(gold) for gold in golds_of(made["gold"]) if gold is not None
        ]
        golds = [gold.strip() for gold in golds if gold.strip()]
        row["gold"] = None if not golds else golds[0] if len(golds) == 1 else golds
    if "correct" in row and "correct" not in made:
        row["row.correct"] = row.pop("correct")
    if not is_share(row.get("correct")):
        raise ValueError(f"correct: expected a number in [0, 1], got {row['correct']!r}")
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
    """A text, chat messages, or a list of these; None if there is no completion.

    Raises:
        ValueError: the value is something else.
    """
    if isinstance(value, Mapping) and not _MESSAGE & value.keys():
        value = _from_server(value)
    if value is None or value != value or value == []:
        return None
    if (messages := messages_of(value)) is not None:
        return messages
    if isinstance(value, list):
        parts = [
            one for part in value for one in (part if _is_texts(part) else [part])
        ]  # lm-eval: one list per request
        if any(isinstance(part, list) and part and messages_of(part) is None for part in parts):
            raise ValueError("the completion is a list of lists, not text, a list of texts or a chat")
        found = [_completion(part) for part in parts]
        if None in found and found.count(None) < len(found):
            raise ValueError(f"{found.count(None)} of its {len(found)} completions are missing")
        return None if None in found else found
    if isinstance(value, int | float):
        return as_text(value)
    if not isinstance(value, str):
        raise ValueError(f"the completion is a {type(value).__name__}, not text, a list of texts or a chat")
    return value


_MESSAGE = {"role", "from"}


def _from_server(value: Mapping[str, Any]) -> Any:
    """The text in a server's saved response: a line of OpenAI's batch output, a chat completion, or vLLM's output.

    Returns:
        The response's completions, or the single completion of a choice; None if it holds an error; the value itself
        if its form is unknown.
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
    """The prompt of a conversation whose completion is in another column: all messages up to the user's last."""
    messages = messages_of(conversation)
    last = None if messages is None else last_user(messages)
    return None if messages is None or last is None else messages[: last + 1]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _prompt(value: Any) -> Any:
    """A text or chat messages; None if there is no prompt."""
    if value is None or value != value or value in ("", []):
        return None
    return messages_of(value) or (value if isinstance(value, str) else joined(value))


def is_share(value: Any) -> bool:
    """Whether a value can say how right a completion is: it is true, false, a number in [0, 1], or missing."""
    try:
        share = _share(value)
    except (TypeError, ValueError):
        return False
    return share is None or 0 <= share <= 1


def _share(value: Any) -> float | None:
    """The value as a number, even if a CSV file has it as a word; None if it is missing."""
    if isinstance(value, str):
        value = {"true": 1.0, "false": 0.0, "": None}.get(value.strip().lower(), value)
    return None if value is None or value != value else float(value)


def joined(value: Any) -> str:
    """The value as text; the items of a list are separated by blank lines."""
    if isinstance(value, list):
        return "\n\n".join(joined(item) for item in value)
    return value if isinstance(value, str) else as_text(value)
