"""An OpenAI-compatible chat endpoint: retries with back-off, a cache on disk, and a limit on what is spent.

What is tried again: no connection, no answer in time, and the statuses 408, 409, 429 and 5xx, but not the 429 of an
account without credit. The wait about doubles from try to try, with jitter; a `Retry-After` header is obeyed.

Requests are coroutines, because a coroutine can be cancelled: a gateway that sends a byte now and then keeps a blocking
read alive past any time limit.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
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
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from rewards.parts.event_loop import EventLoop
from rewards.reward import content_of

LONGEST_WAIT = 60.0
"""Seconds between two tries at most, whatever the server asks for."""
CUT_OFF = ("length", "max_tokens", "content_filter")
"""Values of `finish_reason` that say that a reply is not whole."""
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class NoReply(Exception):
    """The endpoint gave no reply that can be read; says why."""


class TooLate(NoReply):
    """There was no whole reply in the time of one try."""


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
        read, written = (_count(getattr(usage, name, None)) for name in ("prompt_tokens", "completion_tokens"))
        if read is None or written is None:
            if self.limit.needs_usage:
                raise NoReply("the server reports no usage, so a limit on tokens or money cannot be held")
            return
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
        self.base_url, self.model, self.request = base_url.rstrip("/"), model, dict(request)
        self.timeout, self.tries, self.wait = timeout, tries, wait
        self.spent = Spent(limit, spent)
        self.cache_folder = cache
        self._api_key = key or "none"
        self._loop = EventLoop()
        self._clients: dict[Any, openai.AsyncOpenAI] = {}
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

    def ask(
        self, chats: Sequence[Sequence[Mapping[str, Any]]], until: float, concurrency: int
    ) -> list[str | NoReply | LimitReached]:
        """The model's reply to each chat, or why there is none; one that breaks leaves the others alone.

        Args:
            chats: chats so far, each a list of messages.
            until: no try begins, and none lasts, past this time of `time.monotonic()`.
            concurrency: requests at a time.

        Returns:
            For each chat the reply; `NoReply` where there is none after all tries, or none that can be read;
            `LimitReached` where it would cost more than may be spent.
        """
        return self._loop.run(self._ask(chats, until, asyncio.Semaphore(concurrency)))

    async def _ask(
        self, chats: Sequence[Sequence[Mapping[str, Any]]], until: float, free: asyncio.Semaphore
    ) -> list[str | NoReply | LimitReached]:
        async def one(messages: Sequence[Mapping[str, Any]]) -> str | NoReply | LimitReached:
            async with free:
                try:
                    return await self._tried(messages, until)
                except (NoReply, LimitReached) as error:
                    return error
                except Exception as error:  # a server may send anything: what it is, the failure of this chat says
                    return NoReply(f"{type(error).__name__}: {error}"[:300])

        return await asyncio.gather(*map(one, chats))

    async def _tried(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        def stop(state: RetryCallState) -> bool:
            return stop_after_attempt(self.tries)(state) or time.monotonic() + state.upcoming_sleep >= until

        retrying = AsyncRetrying(retry=retry_if_exception(_may_pass), stop=stop, wait=self._pause, reraise=True)
        return await retrying(self._once, messages, until)

    async def _once(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        left = until - time.monotonic()
        if left <= 0:
            raise NoReply("no time was left to ask (batch_timeout)")
        self.spent.take_request()
        seconds = min(self.timeout, left)
        try:
            async with asyncio.timeout(seconds):
                reply = await self._client().chat.completions.create(
                    model=self.model,
                    messages=list(messages),  # type: ignore[arg-type]
                    timeout=seconds,
                    **self.request,
                )
        except TimeoutError:
            raise TooLate(f"Request timed out: no whole reply within {seconds:.3g} s") from None
        return self._content(reply)

    def _content(self, reply: Any) -> str:
        """The text of a reply that is whole.

        Raises:
            NoReply: it is none, or was cut off.
        """
        choices = getattr(reply, "choices", None)
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(reply, ChatCompletion) or getattr(choice, "message", None) is None:
            raise NoReply(f"not a chat completion: {str(reply)[:200]!r}")
        self.spent.add(reply.usage)
        finish = getattr(choice, "finish_reason", None)
        if finish in CUT_OFF:
            raise NoReply(f"the reply was cut off (finish_reason: {finish}); request.max_tokens may be too small")
        content = content_of({"content": getattr(choice.message, "content", None)})  # type: ignore[union-attr]
        if not content.strip():
            raise NoReply(f"an empty reply (finish_reason: {finish})")
        return whole(content)

    def _client(self) -> openai.AsyncOpenAI:
        """The client of the loop that runs now: its connections are bound to that."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients = {loop: openai.AsyncOpenAI(base_url=self.base_url, api_key=self._api_key, max_retries=0)}
        return self._clients[loop]

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
        try:
            return min(max(float(asked), 0.0), LONGEST_WAIT)
        except ValueError:  # none, or a date
            return self._backoff(state)

    def _key(self, messages: Sequence[Mapping[str, Any]]) -> str:
        asked = json.dumps(
            [self.base_url, self.model, self.request, list(messages)], sort_keys=True, ensure_ascii=False
        )
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


def user_cache(name: str) -> Path:
    """A folder in `WHETSTONE_CACHE`, or in the user's cache folder."""
    return Path(os.environ.get("WHETSTONE_CACHE") or platformdirs.user_cache_dir("whetstone")) / name


def whole(text: str) -> str:
    """The text with each half of a surrogate pair replaced by U+FFFD: it can be neither sent nor stored."""
    return _HALF_CHARACTER.sub("\ufffd", text)


def _count(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help."""
    if isinstance(error, openai.APIConnectionError | TooLate):
        return True
    if isinstance(error, openai.APIStatusError) and error.code != "insufficient_quota":
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return False
