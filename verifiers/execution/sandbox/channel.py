"""The channel between a program and its tests, which run in processes of their own: lines of JSON both ways."""

from __future__ import annotations

import json
import os
from typing import Any

CHANNEL = 4
"""The file descriptor of the channel, in both processes."""
LONGEST = 16_000_000
"""Bytes of a message."""
MUTABLE = (list, dict, set, bytearray)
"""Types of arguments that a program can change in place."""
ORDER = ("lt", "le", "gt", "ge")
BINARY = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split()  # noqa: SIM905  # reads as text
"""Operators, by their names in `operator`."""


class ProgramEnded(BaseException):
    """The other process ended, or sent something unreadable. No `except Exception` of a test catches it."""


class Channel:
    """Lines of JSON to the other process and back.

    Attributes:
        broken: why nothing can be said any more; empty as long as it can.
    """

    def __init__(self) -> None:
        self.broken = ""
        self._received = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            ProgramEnded: the other process is gone.
        """
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(CHANNEL, data) :]
        except OSError:
            raise self.end("the program ended before the tests did") from None

    def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            ProgramEnded: the other process is gone, or what it sent is no message.
        """
        parts = [self._received]
        while b"\n" not in parts[-1]:
            try:
                part = os.read(CHANNEL, 1 << 16)
            except OSError:  # the other process ended with something of ours unread
                part = b""
            if not part:
                raise self.end("the program ended before the tests did")
            parts.append(part)
            if len(parts) > 1000 and sum(map(len, parts)) > LONGEST:
                raise self.end("an answer of the program is too long")
        line, _, self._received = b"".join(parts).partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise self.end("an answer of the program cannot be read")
        return message

    def end(self, why: str) -> ProgramEnded:
        """Note that nothing can be said any more; the error to raise."""
        self.broken = why
        return ProgramEnded(why)
