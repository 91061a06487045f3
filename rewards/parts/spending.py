"""A limit on what requests to an endpoint may cost, and the count of what they did cost."""

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
    """One more request would go past the limit on spending."""


@dataclass(frozen=True)
class Limit:
    """The most that may be spent, and what tokens cost.

    Attributes:
        requests: requests sent, tries that failed included.
        tokens: tokens read and written, as the server reports them.
        money: by the prices, in their currency.
        input_price: of a million tokens read.
        output_price: of a million tokens written.
    """

    requests: float = inf
    tokens: float = inf
    money: float = inf
    input_price: float = 0.0
    output_price: float = 0.0

    @property
    def needs_usage(self) -> bool:
        """Whether it can be held only where the server reports tokens."""
        return self.tokens < inf or self.money < inf


class Spent:
    """What was spent, counted across threads.

    With a folder the counts are on disk: every process and every later start of the run adds to them. Without one each
    process counts for itself, and may spend its even share of the limit (`WORLD_SIZE`). The limit is looked at before
    each request, so requests that are under way may take tokens and money over it.

    Args:
        limit: the most that may be spent.
        folder: where the counts are kept, made when they are first looked at; None for nowhere.
    """

    def __init__(self, limit: Limit, folder: Path | None = None) -> None:
        self.limit = limit
        self._folder = folder
        self._share = 1 if folder else int(os.environ.get("WORLD_SIZE", "1"))
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """Requests sent."""
        return int(self._counts.get("requests", 0))

    @property
    def tokens(self) -> int:
        """Tokens read and written."""
        return int(self._counts.get("tokens", 0))

    @property
    def money(self) -> float:
        """What they cost."""
        return float(self._counts.get("money", 0.0))

    def take_request(self) -> None:
        """Count one request.

        Raises:
            LimitReached: there is none left.
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
            ValueError: the server does not report them, so the limit cannot be held.
        """
        read, written = (_count(getattr(usage, name, None)) for name in ("prompt_tokens", "completion_tokens"))
        if read is None or written is None:
            if self.limit.needs_usage:
                raise ValueError("the server reports no usage, so a limit on tokens or money cannot be held")
            return
        cost = (read * self.limit.input_price + written * self.limit.output_price) / 1e6
        with self._alone():
            self._counts["tokens"] = self.tokens + read + written
            self._counts["money"] = self.money + cost

    @cached_property
    def _counts(self) -> Any:
        return {} if self._folder is None else diskcache.Cache(str(self._folder))

    def _alone(self) -> AbstractContextManager[Any]:
        """No other thread counts meanwhile, nor, with a folder, any other process."""
        return self._lock if self._folder is None else self._counts.transact()


def _count(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
