"""The settings of an OpenAI-compatible endpoint, for a judge's options and for `sampling.endpoint`."""

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
"""`base_url`; `key`, the name of the environment variable with the API key (`OPENAI_API_KEY`), or null if the server
needs none; `request`, further arguments of each request; `timeout`, seconds per try; `tries` per request; `wait`,
seconds before the second try; `concurrency`, the largest number of concurrent requests; `limit` on `requests`, `tokens`
or `money`; and `prices` of a million tokens, `{input: …, output: …}`, for a limit on money."""


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
        model: the model's name at the endpoint.
        options: the settings; only those in `ENDPOINT_OPTIONS` are used.
        cache: a folder for replies.
        spent: a folder that records spending; None counts this process alone.
        request: default arguments of a request; an argument that the options set to null is left out.
        timeout: default time limit of one try, in seconds.

    Raises:
        ValueError: an option is invalid, or an environment variable is not set.
    """
    if not model or not isinstance(model, str):
        raise ValueError("model: is needed: the model's name at the endpoint")
    base_url = options.get("base_url", "https://api.openai.com/v1")
    if not isinstance(base_url, str) or not re.match(r"https?://[^/]", base_url):
        raise ValueError(f"base_url: expected an address such as http://localhost:8000/v1, got {base_url!r}")
    arguments = {**(request or {}), **mapping("request", options.get("request", {}))}
    for argument in ("model", "messages", "stream", "n", "timeout"):
        if argument in arguments:
            raise ValueError(f"request: {argument} cannot be set here")
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
    """The largest number of concurrent requests.

    Raises:
        ValueError: it is not a whole number above 0.
    """
    return whole("concurrency", options.get("concurrency", 8))


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Check that a value is a mapping, and return it.

    Args:
        name: name of the option, for the message.
        value: the value in the config.

    Raises:
        ValueError: the value is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: expected keys with values, got {value!r}")
    return value


def _key(variable: Any) -> str | None:
    if variable is None:
        return None
    if not isinstance(variable, str) or not re.fullmatch("[A-Z_][A-Z0-9_]*", variable):
        # the value may be the key itself, so the message does not show it
        raise ValueError("key: expected the name of an environment variable, such as OPENAI_API_KEY, never the key")
    if not (key := os.environ.get(variable)):
        raise ValueError(
            f"key: the environment variable {variable} is not set; if the server needs no key, set key: null"
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
        raise ValueError("limit.money: needs prices of a million tokens: {input: …, output: …}")
    return Limit(
        **{key: limit.get(key, inf) for key in ("requests", "tokens", "money")},
        input_price=prices.get("input", 0.0),
        output_price=prices.get("output", 0.0),
    )
