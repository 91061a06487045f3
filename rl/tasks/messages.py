"""Chat messages in given data: lists of role and content (TRL, verl), or of from and value (ShareGPT)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.reward import content_of

UNSAID = ("reasoning", "thinking", "redacted_thinking", "tool_call", "tool_use")
"""Types of the parts of an assistant's message that are not what it says; they are left out."""
Messages = list[dict[str, Any]]
ROLES = {"human": "user", "gpt": "assistant", "model": "assistant"}
"""Name of a role in ShareGPT and similar formats → its name in chat templates."""


def messages_of(value: Any) -> Messages | None:
    """The chat messages in a value, in one common form; None if it contains none.

    A message keeps its other keys (`name`, `tool_calls`), except the empty ones that tables add. Its content becomes
    one text.

    Args:
        value: one message, a list of messages, or such a list as JSON text, as in a CSV file.

    Raises:
        ValueError: a message contains something other than text, or the list contains other things than messages.
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
            raise ValueError("it mixes chat messages with other things")
        return None
    return [_message(message) for message in value]


_WORDS = {"content", "value", "tool_calls"}


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and ("role" in value or "from" in value) and bool(value.keys() & _WORDS)


def last_user(messages: Messages) -> int | None:
    """The index of the user's last message; None if there is none."""
    places = [place for place, message in enumerate(messages) if message["role"] == "user"]
    return places[-1] if places else None


def _message(given: Mapping[str, Any]) -> dict[str, Any]:
    role = str(given["role"] if given.get("role") is not None else given.get("from"))
    content = given["content"] if "content" in given else given.get("value")
    for part in content if isinstance(content, list | tuple) else ():
        kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
        if kind not in ("text", "input_text", "output_text", *(UNSAID if ROLES.get(role, role) == "assistant" else ())):
            raise ValueError(f"a message of the {role} has a part of type {kind!r}; only text can be used")
    rest = {key: value for key, value in given.items() if value is not None and value != []}
    for key in ("role", "from", "content", "value"):
        rest.pop(key, None)
    return {"role": ROLES.get(role, role), "content": content_of({"content": content}), **rest}
