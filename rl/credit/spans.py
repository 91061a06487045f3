"""Which token ends a step: spans of characters to places of tokens, for any tokenizer.

A step ends at the last character of its span. The token that ends it is the first one after which the decoded text
holds all of the step. Most tokenizers decode a token at a time to the same text as all at once; there the length of
each prefix is a running sum. Where they do not (bytes of one character over several tokens, SentencePiece's leading
space), prefixes are decoded, and the first that holds the step is found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from transformers import PreTrainedTokenizerBase

from verifiers import Step


class StepEnds:
    """Maps steps to the tokens that end them.

    Args:
        tokenizer: the tokenizer whose `decode(ids, skip_special_tokens=True)` made the text that was judged.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[int, str] = {}

    def __call__(self, ids: Sequence[int], steps: Sequence[Step]) -> list[int]:
        """The place in `ids` of the token that ends each step, in the order of the steps.

        Raises:
            ValueError: a step ends past the decoded text, so it was judged on another text.
        """
        if not steps:
            return []
        text = self._decode(ids)
        pieces = [self._piece(token) for token in ids]
        by_sums = "".join(pieces) == text
        lengths = list(accumulate(map(len, pieces))) if by_sums else []
        ends = []
        for step in steps:
            if step.end > len(text):
                raise ValueError(f"a step ends at character {step.end} of a completion of {len(text)}: {text!r}")
            if by_sums:
                ends.append(bisect_left(lengths, step.end) if step.end else 0)
            else:
                ends.append(self._bisected(ids, text[: step.end]))
        return ends

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._decode([token])
        return self._pieces[token]

    def _bisected(self, ids: Sequence[int], wanted: str) -> int:
        """The first token after which the decoded text begins with what is wanted; once it does, it stays so."""
        low, high = 0, len(ids) - 1
        while low < high:
            middle = (low + high) // 2
            if self._decode(ids[: middle + 1]).startswith(wanted):
                high = middle
            else:
                low = middle + 1
        return low
