"""Where a completion ends: at an end-of-text token, or at the token that completes a stop string.

A stop string that is a special token, such as `<|im_end|>`, is such a token and not a string: the text of a completion
has no special tokens in it, so it would never be found there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor
from transformers import StoppingCriteria

from rewards.models.types import Tokenizer


def ended(
    ids: Sequence[int], eos_token_ids: Sequence[int], stop: Sequence[str], tokenizer: Tokenizer
) -> tuple[list[int], Literal["stop", "length"]]:
    """A completion up to the token that ends it, and the finish reason.

    Args:
        ids: generated token ids, possibly with padding after the end.
        eos_token_ids: tokens that end the completion.
        stop: strings that end the completion.
        tokenizer: the tokenizer that decodes it.
    """
    place = next((place for place, token in enumerate(ids) if token in eos_token_ids), None)
    cut = list(ids if place is None else ids[: place + 1])
    if stop and has_stop(str(tokenizer.decode(cut, skip_special_tokens=True)), stop):

        def stopped(length: int) -> bool:
            return has_stop(str(tokenizer.decode(cut[:length], skip_special_tokens=True)), stop)

        return cut[: bisect_left(range(len(cut)), True, key=stopped)], "stop"
    return cut, "length" if place is None else "stop"


def strings_and_tokens(stop: Sequence[str], tokenizer: Tokenizer) -> tuple[list[str], list[int]]:
    """The stop strings to look for in a text, and the ids of those that are special tokens.

    Args:
        stop: strings that end a completion.
        tokenizer: the tokenizer of the model that writes it.

    Raises:
        ValueError: a string has a special token in it and other text beside it.
    """
    special = {str(token): id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    strings = [string for string in stop if string not in special]
    for string in strings:
        if held := next((token for token in special if token in string), None):
            raise ValueError(f"{string!r} has other text beside the special token {held!r}; name the token alone")
    return strings, [special[string] for string in stop if string in special]


def has_stop(text: str, stop: Sequence[str]) -> bool:
    """Whether a text contains one of the stop strings.

    Args:
        text: a completion, or its end.
        stop: the stop strings.
    """
    return any(string in text for string in stop)


class StopStrings(StoppingCriteria):
    """Ends completions whose text contains a stop string, not counting the text of the prompt.

    Args:
        stop: the stop strings.
        tokenizer: the tokenizer that decodes completions.
        start: number of tokens before the completions.
    """

    def __init__(self, stop: Sequence[str], tokenizer: Tokenizer, start: int) -> None:
        self.stop, self.tokenizer, self.start = stop, tokenizer, start
        # a token has at least one byte; the others are context for tokenizers that change the start of a text
        self.tail = max(len(string.encode()) for string in stop) + 8

    def __call__(self, input_ids: Tensor, scores: object, **_: object) -> torch.BoolTensor:
        """Which rows (B,) have ended."""
        tails = input_ids[:, max(self.start, input_ids.shape[1] - self.tail) :].tolist()
        texts = self.tokenizer.batch_decode(tails, skip_special_tokens=True)
        ended = torch.tensor([has_stop(text, self.stop) for text in texts], device=input_ids.device)
        return cast(torch.BoolTensor, ended)
