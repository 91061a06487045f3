"""Chat messages in somebody's data: TRL's and verl's lists of role and content, ShareGPT's of from and value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.reward import content_of

Messages = list[dict[str, Any]]
ROLES = {"human": "user", "gpt": "assistant", "model": "assistant"}
"""What ShareGPT and some others call a role → what chat templates call it."""


def messages_of(value: Any) -> Messages | None:
    """The chat messages that a value holds, in one form; None where it holds none.

    A message keeps what else it has (`name`, `tool_calls`), without the empty columns that tables add. Its content
    becomes one text.

    Args:
        value: a list of messages, as it is or as JSON (a CSV file holds it so), or one message.

    Raises:
        ValueError: a message holds something else than text, or stands beside what is no message.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    if not all(map(_is_message, value)):
        if any(map(_is_message, value)):
            raise ValueError("it holds chat messages and other things beside them")
        return None
    return [_message(message) for message in value]


_WORDS = {"content", "value", "tool_calls"}


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and ("role" in value or "from" in value) and bool(value.keys() & _WORDS)


def last_user(messages: Messages) -> int | None:
    """Where the user's last message stands; None where there is none."""
    places = [place for place, message in enumerate(messages) if message["role"] == "user"]
    return places[-1] if places else None


def _message(given: Mapping[str, Any]) -> dict[str, Any]:
    role = str(given["role"] if given.get("role") is not None else given.get("from"))
    content = given["content"] if "content" in given else given.get("value")
    for part in content if isinstance(content, list | tuple) else ():
        kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
        if kind not in ("text", "input_text", "output_text"):
            raise ValueError(f"a message of the {role}'s holds a part of type {kind!r}; only text can be used")
    rest = {key: value for key, value in given.items() if value is not None and value != []}
    for key in ("role", "from", "content", "value"):
        rest.pop(key, None)
    return {"role": ROLES.get(role, role), "content": content_of({"content": content}), **rest}
