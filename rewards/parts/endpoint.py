"""An OpenAI-compatible chat endpoint: retries with back-off, a cache on disk, and a limit on what is spent.

What is tried again: no connection, no answer in time, and the statuses 408, 409, 429 and 5xx, but not the 429 of an
account without credit. The wait about doubles from try to try, with jitter; a `Retry-After` header is obeyed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import diskcache
import openai
import platformdirs
from openai.types.chat import ChatCompletion
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

LONGEST_WAIT = 60.0
"""Seconds between two tries at most, whatever the server asks for."""


class NoReply(Exception):
    """The endpoint gave no reply that can be read; says why."""


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
            NoReply: the server does not report them, so the limit cannot be held.
        """
        if usage is None:
            if self.limit.needs_usage:
                raise NoReply("the server reports no usage, so a limit on tokens or money cannot be held")
            return
        read, written = usage.prompt_tokens, usage.completion_tokens
        cost = (read * self.limit.input_price + written * self.limit.output_price) / 1e6
        with self._alone():
            self._counts["tokens"] = self.tokens + read + written
            self._counts["money"] = self.money + cost

    @cached_property
    def _counts(self) -> Any:
        return {} if self._folder is None else diskcache.Cache(str(self._folder))

    def _alone(self) -> AbstractContextManager[None]:
        """No other thread counts meanwhile, nor, with a folder, any other process."""
        return self._lock if self._folder is None else self._counts.transact()  # type: ignore[return-value]


class Endpoint:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        base_url: up to and with its `/v1`.
        model: the model's name there.
        key: the API key; None for a server that wants none.
        request: further arguments of the request, such as `temperature`.
        timeout: seconds for one try.
        tries: most tries of a request.
        wait: seconds before the second try; about twice as many before each further one.
        limit: on what is spent; what is in the cache is free.
        cache: a folder for replies, shared by processes.
        spent: a folder for what was spent, so that the limit holds over later starts; None to count this one alone.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key: str | None,
        request: Mapping[str, Any],
        *,
        timeout: float,
        tries: int,
        wait: float,
        limit: Limit,
        cache: Path,
        spent: Path | None = None,
    ) -> None:
        self.model, self.request = model, dict(request)
        self.timeout, self.tries, self.wait = timeout, tries, wait
        self.spent = Spent(limit, spent)
        self.cache_folder = cache
        self._client = openai.OpenAI(base_url=base_url, api_key=key or "none", max_retries=0)
        self._backoff = wait_random_exponential(multiplier=wait, min=wait / 2, max=LONGEST_WAIT)

    @cached_property
    def _cache(self) -> diskcache.Cache:
        return diskcache.Cache(str(self.cache_folder))

    def known(self, messages: Sequence[Mapping[str, Any]]) -> str | None:
        """The reply in the cache, or None."""
        return self._cache.get(self._key(messages))  # type: ignore[return-value]

    def remember(self, messages: Sequence[Mapping[str, Any]], reply: str) -> None:
        """Put a reply into the cache."""
        self._cache.set(self._key(messages), reply)

    def ask(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        """The model's reply.

        Args:
            messages: the chat so far.
            until: no try begins, and none lasts, past this time of `time.monotonic()`.

        Raises:
            NoReply: there is none after all tries, or none that can be read.
            LimitReached: it would cost more than may be spent.
        """

        def stop(state: RetryCallState) -> bool:
            return stop_after_attempt(self.tries)(state) or time.monotonic() + state.upcoming_sleep >= until

        try:
            return Retrying(retry=retry_if_exception(_may_pass), stop=stop, wait=self._pause, reraise=True)(
                self._once, messages, until
            )
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            raise NoReply(f"{type(error).__name__}: {error}"[:300]) from error

    def _once(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        left = until - time.monotonic()
        if left <= 0:
            raise NoReply("no time was left to ask (batch_timeout)")
        self.spent.take_request()
        reply = self._client.chat.completions.create(
            model=self.model,
            messages=list(messages),  # type: ignore[arg-type]
            timeout=min(self.timeout, left),
            **self.request,
        )
        if not isinstance(reply, ChatCompletion) or not reply.choices:
            raise NoReply(f"not a chat completion: {str(reply)[:200]!r}")
        self.spent.add(reply.usage)
        if not (content := reply.choices[0].message.content):
            raise NoReply(f"an empty reply (finish_reason: {reply.choices[0].finish_reason})")
        return content

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
        try:
            return min(max(float(asked), 0.0), LONGEST_WAIT)
        except ValueError:  # none, or a date
            return self._backoff(state)

    def _key(self, messages: Sequence[Mapping[str, Any]]) -> str:
        asked = json.dumps([self.model, self.request, list(messages)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


def user_cache(name: str) -> Path:
    """A folder in `WHETSTONE_CACHE`, or in the user's cache folder."""
    return Path(os.environ.get("WHETSTONE_CACHE") or platformdirs.user_cache_dir("whetstone")) / name


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help."""
    if isinstance(error, openai.APIConnectionError):  # a timeout is one
        return True
    if isinstance(error, openai.APIStatusError) and error.code != "insufficient_quota":
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return False
