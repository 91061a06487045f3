"""Draws completions from a model behind an OpenAI-compatible endpoint, which returns texts without token ids."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.parts.endpoint import CutOff, NoReply, user_cache
from rewards.parts.endpoint import whole as whole_text
from rewards.parts.endpoint_settings import ENDPOINT_OPTIONS, concurrency, endpoint
from rewards.parts.settings import options_of
from rewards.parts.shown import columns_of_option, shown
from rewards.parts.spending import LimitReached
from rewards.reward import Text, content_of
from rewards.sample import Sample
from rl.config import Config
from rl.errors import UserError

KEY = "sampling.endpoint"
NOT_WHAT_IS_DRAWN = ("key", "timeout", "tries", "wait", "concurrency", "limit", "prices")
"""Options that may change before an interrupted command is resumed, because completions do not depend on them."""
TIMEOUT = 300.0
"""Default time limit of a try in seconds, longer than a judge's because a rationale takes longer than a score."""


class EndpointDraws:
    """Draws `sampling.completions` completions of each problem, with the settings of `sampling` and of `request`.

    If both set an argument, `request` wins. Each reply is cached with its problem and its index, so an interrupted
    command does not pay for the same reply twice.

    Args:
        config: a checked config.
        rows: the problems.
        spent: a folder that records spending, so that the limit also holds after a restart.

    Attributes:
        lost: the numbers of replies in the last draw that were `cut_off` or `failed`.

    Raises:
        UserError: `sampling.endpoint` is missing or invalid.
    """

    def __init__(self, config: Config, rows: Sequence[Mapping[str, Any]], spent: Path) -> None:
        self.rows, self.count, self.budget = rows, config.sampling.completions, config.mix.error_budget
        self.lost = {"cut_off": 0, "failed": 0}
        given = config.sampling.endpoint
        if given is None:
            raise UserError(KEY, "is needed with --by endpoint, such as {model: NAME, base_url: …, key: VARIABLE}")
        own = {name: value for name, value in given.items() if name != "model"}
        sampling = config.sampling
        request: dict[str, Any] = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
        request |= {"top_p": sampling.top_p} if sampling.top_p < 1 else {}
        request |= {"stop": sampling.stop} if sampling.stop else {}
        try:
            options = options_of({"options": own}, ("prompt", *ENDPOINT_OPTIONS))
            self.prompt: str | None = options.get("prompt")
            if self.prompt is not None:
                columns_of_option(self.prompt)
                self._chat(rows[0])
            self.at_once = concurrency(options)
            self.endpoint = endpoint(
                given.get("model"), options, user_cache("endpoint"), spent, request, timeout=TIMEOUT
            )
        except ValueError as error:
            option, _, what = str(error).partition(": ")
            raise UserError(f"{KEY}.{option}" if what else KEY, what or option) from None

    def draw(self, places: range, progress: Callable[[int], None]) -> list[Sample]:
        """Completions of some problems; replies that were cut off are left out.

        Args:
            places: indices of the problems.
            progress: called with the number of requested replies.

        Raises:
            UserError: the limit is reached, or more requests failed than `mix.error_budget` allows. Replies received
                so far stay in the cache.
        """
        asked = [(place, self._chat(self.rows[place]), number) for place in places for number in range(self.count)]
        found: list[Any] = [self.endpoint.known(chat, number) for _, chat, number in asked]
        new = [at for at, reply in enumerate(found) if reply is None]
        replies = self.endpoint.ask([asked[at][1] for at in new], math.inf, self.at_once)
        for at, reply in zip(new, replies, strict=True):
            found[at] = reply
            if isinstance(reply, str):
                self.endpoint.remember(asked[at][1], reply, asked[at][2])
        progress(len(found))
        limit = next((reply for reply in found if isinstance(reply, LimitReached)), None)
        if limit is not None:
            raise UserError(
                KEY, f"{limit}; completions so far are kept, and the same command with a higher limit continues"
            )
        cut = sum(isinstance(reply, CutOff) for reply in found)
        failed = [reply for reply in found if isinstance(reply, NoReply) and not isinstance(reply, CutOff)]
        if len(failed) > self.budget * len(found):
            raise UserError(
                KEY,
                f"{len(failed)} of {len(found)} requests failed, more than mix.error_budget={self.budget:g} allows; "
                f"the first: {failed[0]}. Completions so far are kept, and the same command continues",
            )
        self.lost = {"cut_off": cut, "failed": len(failed)}
        return [
            Sample(self.rows[place], reply, [], "stop", index=place)
            for (place, _, _), reply in zip(asked, found, strict=True)
            if isinstance(reply, str)
        ]

    def _chat(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        prompt: Text = row["prompt"] if self.prompt is None else shown(row["prompt"], self.prompt, row)
        if isinstance(prompt, str):
            return [{"role": "user", "content": whole_text(prompt)}]
        return [{"role": one["role"], "content": whole_text(content_of(one))} for one in prompt]
