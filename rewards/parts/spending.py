"""A limit on the cost of requests to an endpoint, and a counter of their cost."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import diskcache


class LimitReached(Exception):
    """Another request would exceed the limit on spending."""


@dataclass(frozen=True)
class Limit:
    """A limit on spending, and the prices of tokens.

    Attributes:
        requests: largest number of requests, including failed attempts.
        tokens: largest number of input and output tokens, as the server reports them.
        money: largest cost, in the currency of the prices.
        input_price: price of a million input tokens.
        output_price: price of a million output tokens.
    """

    requests: float = inf
    tokens: float = inf
    money: float = inf
    input_price: float = 0.0
    output_price: float = 0.0

    @property
    def needs_usage(self) -> bool:
        """Whether the limit requires that the server reports tokens."""
        return self.tokens < inf or self.money < inf


class Spent:
    """A thread-safe counter of spending.

    With a folder, the counts are on disk, and every process and every later start of the run adds to them. Without one,
    each process counts separately, and may spend an equal share of the limit (`WORLD_SIZE`). The limit is checked
    before each request, so requests that are already running may exceed it in tokens and money.

    Args:
        limit: the limit on spending.
        folder: folder of the counts, made at the first use; None to keep them in memory.
    """

    def __init__(self, limit: Limit, folder: Path | None = None) -> None:
        self.limit = limit
        self._folder = folder
        self._share = 1 if folder else int(os.environ.get("WORLD_SIZE", "1"))
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return int(self._counts.get("requests", 0))

    @property
    def tokens(self) -> int:
        """Number of input and output tokens so far."""
        return int(self._counts.get("tokens", 0))

    @property
    def money(self) -> float:
        """Cost so far."""
        return float(self._counts.get("money", 0.0))

    def take_request(self) -> None:
        """Count one request.

        Raises:
            LimitReached: the limit is reached.
        """
        with self._alone():
            for what, now, most in (
                ("requests", self.requests + 1 - 1e-9, self.limit.requests),
                ("tokens", self.tokens, self.limit.tokens),
                ("money", self.money, self.limit.money),
            ):
                if now >= most / self._share:
                    raise LimitReached(f"limit.{what} of {most:g} is reached")
            self._counts["requests"] = self.requests + 1

    def add(self, usage: Any) -> None:
        """Count the tokens of a reply.

        Raises:
            ValueError: the server does not report tokens, so the limit cannot be checked.
        """
        read, written = (_count(getattr(usage, name, None)) for name in ("prompt_tokens", "completion_tokens"))
        if read is None or written is None:
            if self.limit.needs_usage:
                raise ValueError("the server reports no usage, so a limit on tokens or money cannot be enforced")
            return
        cost = (read * self.limit.input_price + written * self.limit.output_price) / 1e6
        with self._alone():
            self._counts["tokens"] = self.tokens + read + written
            self._counts["money"] = self.money + cost

    @cached_property
    def _counts(self) -> Any:
        return {} if self._folder is None else diskcache.Cache(str(self._folder))

    def _alone(self) -> AbstractContextManager[Any]:
        """A lock against other threads and, with a folder, other processes."""
        return self._lock if self._folder is None else self._counts.transact()


def _count(value: Any) -> int | None:
    """A valid number of tokens, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
