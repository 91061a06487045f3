"""The settings of an OpenAI-compatible endpoint, as a judge's options and `sampling.endpoint` have them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from rewards.parts.endpoint import Endpoint
from rewards.parts.settings import number, one_of, whole
from rewards.parts.spending import Limit

ENDPOINT_OPTIONS = ("base_url", "key", "request", "timeout", "tries", "wait", "concurrency", "limit", "prices")
"""`base_url`; `key`, the name of the environment variable that holds the API key (`OPENAI_API_KEY`), or null for a
server that wants none; `request`, further arguments of it; `timeout` seconds a try, `tries`, `wait` before the second;
`concurrency`, requests at a time; `limit`, of `requests`, `tokens` or `money`, the last with `prices`, `{input: …,
output: …}` of a million tokens."""


def endpoint(
    model: Any,
    options: Mapping[str, Any],
    cache: Path,
    spent: Path | None = None,
    request: Mapping[str, Any] | None = None,
    timeout: float = 30.0,
) -> Endpoint:
    """The endpoint that settings describe.

    Args:
        model: the model's name there.
        options: those of `ENDPOINT_OPTIONS`; others are not looked at.
        cache: a folder for replies.
        spent: a folder for what was spent; None to count this process alone.
        request: arguments of a request by default; one that the options set to null is left out.
        timeout: seconds for one try by default.

    Raises:
        ValueError: an option that makes no sense, or an environment variable that is not set.
    """
    if not model or not isinstance(model, str):
        raise ValueError("model: is needed, the model's name at the endpoint")
    base_url = options.get("base_url", "https://api.openai.com/v1")
    if not isinstance(base_url, str) or not re.match(r"https?://[^/]", base_url):
        raise ValueError(f"base_url: expected an address such as http://localhost:8000/v1, got {base_url!r}")
    arguments = {**(request or {}), **mapping("request", options.get("request", {}))}
    for argument in ("model", "messages", "stream", "n", "timeout"):
        if argument in arguments:
            raise ValueError(f"request: {argument} is not set there")
    try:
        json.dumps(arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"request: it cannot be sent as JSON: {error}") from None
    return Endpoint(
        base_url,
        model,
        _key(options.get("key", "OPENAI_API_KEY")),
        {name: value for name, value in arguments.items() if value is not None},
        timeout=number("timeout", options.get("timeout", timeout), above=0),
        tries=whole("tries", options.get("tries", 5)),
        wait=number("wait", options.get("wait", 1.0), least=0),
        limit=_limit(options),
        cache=cache,
        spent=spent,
    )


def concurrency(options: Mapping[str, Any]) -> int:
    """Requests at a time.

    Raises:
        ValueError: it is no whole number above 0.
    """
    return whole("concurrency", options.get("concurrency", 8))


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """The value as keys with values.

    Args:
        name: of the option, for the message.
        value: what the config says.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: expected keys with values, got {value!r}")
    return value


def _key(variable: Any) -> str | None:
    if variable is None:
        return None
    if not isinstance(variable, str) or not re.fullmatch("[A-Z_][A-Z0-9_]*", variable):
        # what was given may be the key itself: it is not shown
        raise ValueError("key: expected the name of an environment variable, such as OPENAI_API_KEY, never the key")
    if not (key := os.environ.get(variable)):
        raise ValueError(
            f"key: the environment variable {variable} is not set; for a server that wants none, key: null"
        )
    return key


def _limit(options: Mapping[str, Any]) -> Limit:
    limit = mapping("limit", options.get("limit", {}))
    prices = mapping("prices", options.get("prices", {}))
    for what, given, valid in (
        ("limit", limit, ("requests", "tokens", "money")),
        ("prices", prices, ("input", "output")),
    ):
        for key, value in given.items():
            one_of(what, key, valid)
            number(f"{what}.{key}", value, least=0)
    if "money" in limit and len(prices) < 2:
        raise ValueError("limit.money: needs prices: {input: …, output: …} of a million tokens")
    return Limit(
        **{key: limit.get(key, inf) for key in ("requests", "tokens", "money")},
        input_price=prices.get("input", 0.0),
        output_price=prices.get("output", 0.0),
    )
