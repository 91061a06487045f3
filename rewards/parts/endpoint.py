"""An OpenAI-compatible chat endpoint: retries with back-off, a cache on disk, and a limit on what is spent.

A request is tried again after a failed connection, a timeout, or the statuses 408, 409, 429 and 5xx, except for the 429
of an account without credit. The wait roughly doubles with each try, with jitter; a `Retry-After` header is obeyed.

Requests are coroutines, because a coroutine can be cancelled, whereas a gateway that sends a byte now and then keeps a
blocking read alive past any time limit. A body that never ends, or that a few compressed bytes unpack to, is left at
`LARGEST` bytes. The API key is removed from what a server sends back, since replies and errors are logged and stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import diskcache
import openai
import platformdirs
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from rewards.parts.event_loop import EventLoop
from rewards.parts.spending import Limit, LimitReached, Spent
from rewards.reward import content_of

LARGEST = 16 * 2**20
"""Largest body of a response in bytes, unpacked."""
LONGEST_WAIT = 60.0
"""Longest wait between two tries in seconds, whatever the server asks for."""
WHOLE = ("stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "")
"""Values of `finish_reason`, in lower case, with which servers mark a complete reply. With any other value, such as
`length`, `content_filter`, `error` or `abort`, the reply may be cut off, perhaps in the middle of a number."""
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


class NoReply(Exception):
    """The endpoint gave no usable reply; the message says why."""


class CutOff(NoReply):
    """The reply was cut off."""


class TooLate(NoReply):
    """There was no complete reply within the time limit of one try."""


class TooLarge(Exception):
    """The body of a response is larger than `LARGEST`."""


class Endpoint:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        base_url: the endpoint's address, including `/v1`.
        model: the model's name at the endpoint.
        key: the API key; None for a server that needs none.
        request: further arguments of the request, such as `temperature`.
        timeout: time limit of one try, in seconds.
        tries: largest number of tries per request.
        wait: seconds before the second try; the wait roughly doubles before each further one.
        limit: the limit on spending; cached replies cost nothing.
        cache: a folder for replies, shared by processes.
        spent: a folder that records spending, so that the limit also holds after a restart; None counts this process
            alone.
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
        self._api_key = key
        self._loop = EventLoop()
        self._clients: dict[Any, openai.AsyncOpenAI] = {}
        self._backoff = wait_random_exponential(multiplier=wait, min=wait / 2, max=LONGEST_WAIT)

    @cached_property
    def _cache(self) -> diskcache.Cache:
        return diskcache.Cache(str(self.cache_folder))

    def known(self, messages: Sequence[Mapping[str, Any]], draw: int = 0) -> str | None:
        """The reply in the cache, or None.

        Args:
            messages: the chat that it answers.
            draw: index of the reply among several to the same chat.
        """
        kept: Any = self._cache.get(self._key(messages, draw))
        return kept

    def remember(self, messages: Sequence[Mapping[str, Any]], reply: str, draw: int = 0) -> None:
        """Put a reply into the cache.

        Args:
            messages: the chat that it answers.
            reply: its text.
            draw: index of the reply among several to the same chat.
        """
        self._cache.set(self._key(messages, draw), reply)

    def ask(
        self, chats: Sequence[Sequence[Mapping[str, Any]]], until: float, concurrency: int
    ) -> list[str | NoReply | LimitReached]:
        """The model's reply to each chat, or the reason why there is none; a failure does not affect the other chats.

        Args:
            chats: the chats so far, each a list of messages.
            until: deadline in terms of `time.monotonic()`, past which no try begins or continues.
            concurrency: largest number of concurrent requests.

        Returns:
            For each chat the reply; `NoReply` if no try gave a usable one; `LimitReached` if another request would
            exceed the limit on spending.
        """
        return self._loop.run(self._ask(chats, until, asyncio.Semaphore(concurrency)))

    async def _ask(
        self, chats: Sequence[Sequence[Mapping[str, Any]]], until: float, free: asyncio.Semaphore
    ) -> list[str | NoReply | LimitReached]:
        async def one(messages: Sequence[Mapping[str, Any]]) -> str | NoReply | LimitReached:
            async with free:
                try:
                    return self._without_key(await self._tried(messages, until))
                except LimitReached as error:
                    return error
                except NoReply as error:
                    return type(error)(self._without_key(str(error)))
                except Exception as error:  # a server may send anything; the failure of this chat reports it
                    return NoReply(self._without_key(f"{type(error).__name__}: {error}")[:300])

        return await asyncio.gather(*map(one, chats))

    async def _tried(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        def stop(state: RetryCallState) -> bool:
            return stop_after_attempt(self.tries)(state) or time.monotonic() + state.upcoming_sleep >= until

        retrying = AsyncRetrying(retry=retry_if_exception(_may_pass), stop=stop, wait=self._pause, reraise=True)
        return await retrying(self._once, messages, until)

    async def _once(self, messages: Sequence[Mapping[str, Any]], until: float) -> str:
        client = self._client()  # made before the time limit of a try starts, because making it takes a while
        left = until - time.monotonic()
        if left <= 0:
            raise NoReply("no time was left for a request (batch_timeout)")
        self.spent.take_request()
        seconds = min(self.timeout, left)
        try:
            async with asyncio.timeout(seconds):
                reply = await client.chat.completions.create(
                    model=self.model,
                    messages=cast("list[ChatCompletionMessageParam]", list(messages)),
                    timeout=seconds,
                    **self.request,
                )
        except TimeoutError:
            raise TooLate(f"Request timed out: no complete reply within {seconds:.3g} s") from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, TooLarge):
                raise NoReply(str(error.__cause__)) from None
            raise
        except json.JSONDecodeError:
            raise NoReply("not a chat completion: the body is not JSON") from None
        return self._content(reply)

    def _content(self, reply: Any) -> str:
        """The text of a complete reply.

        Raises:
            NoReply: there is no text, or it was cut off.
        """
        choices = getattr(reply, "choices", None)
        choice: Any = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(reply, ChatCompletion) or getattr(choice, "message", None) is None:
            raise NoReply(f"not a chat completion: {self._without_key(str(reply))[:200]!r}")
        try:
            self.spent.add(reply.usage)
        except ValueError as error:
            raise NoReply(str(error)) from None
        message: Any = choice.message
        finish = getattr(choice, "finish_reason", None)
        if refusal := getattr(message, "refusal", None):
            raise NoReply(f"the model refused to answer: {self._without_key(str(refusal))[:200]!r}")
        content = content_of({"content": getattr(message, "content", None)})
        if not content.strip():
            tools = " with tool calls" if getattr(message, "tool_calls", None) else ""
            raise NoReply(f"an empty reply{tools} (finish_reason: {finish})")
        if str(finish or "").lower() not in WHOLE:
            why = "; request.max_tokens may be too small" if finish in ("length", "max_tokens") else ""
            raise CutOff(f"the reply was cut off (finish_reason: {finish}){why}")
        return whole(content)

    def _client(self) -> openai.AsyncOpenAI:
        """The client of the running event loop, to which its connections are bound."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [_bounded]})
            key = self._api_key or "none"
            self._clients = {
                loop: openai.AsyncOpenAI(base_url=self.base_url, api_key=key, max_retries=0, http_client=http)
            }
        return self._clients[loop]

    def _without_key(self, text: str) -> str:
        return text.replace(self._api_key, "[the API key]") if self._api_key else text

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.response.headers.get("retry-after", "") if isinstance(error, openai.APIStatusError) else ""
        try:
            seconds = float(asked)
        except ValueError:  # there is no header, or it is a date
            seconds = math.nan
        return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else self._backoff(state)

    def _key(self, messages: Sequence[Mapping[str, Any]], draw: int) -> str:
        parts = [self.base_url, self.model, self.request, list(messages), *([draw] if draw else [])]
        asked = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()


def user_cache(name: str) -> Path:
    """A folder in `WHETSTONE_CACHE`, or in the user's cache folder."""
    return Path(os.environ.get("WHETSTONE_CACHE") or platformdirs.user_cache_dir("whetstone")) / name


def whole(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, because it can be neither sent nor stored."""
    return _HALF_CHARACTER.sub("\ufffd", text)


async def _bounded(response: Any) -> None:
    """Have the body of an HTTP response, which has not been read yet, end with an error past `LARGEST` bytes."""
    plain = response.aiter_bytes

    async def bounded(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        size = 0
        async for part in plain(chunk_size):
            size += len(part)
            if size > LARGEST:
                raise TooLarge(f"the reply is larger than {LARGEST:,} bytes")
            yield part

    response.aiter_bytes = bounded  # by which the client reads the body


def _may_pass(error: BaseException) -> bool:
    """Whether another try may succeed."""
    if isinstance(error, openai.APIConnectionError | TooLate):
        return True
    if isinstance(error, openai.APIStatusError) and error.code != "insufficient_quota":
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return False
