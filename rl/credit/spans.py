"""Maps steps and rationales, which are spans of characters, to the tokens that end them, for any tokenizer.

A step ends at the last character of its span. The token that ends it is the first one after which the decoded text
contains the whole step. Most tokenizers decode one token at a time to the same text as all tokens at once; then the
length of each prefix is a running sum. Where this does not hold (several tokens for the bytes of one character,
SentencePiece's leading space), prefixes are decoded, and bisection finds the first one that contains the step.
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
        """The index in `ids` of the token that ends each step, in the order of the steps.

        Raises:
            ValueError: a step ends after the decoded text, so another text was judged.
        """
        return self.of_characters(ids, [step.end for step in steps])

    def of_characters(self, ids: Sequence[int], places: Sequence[int]) -> list[int]:
        """For each place, the index of the first token after which the decoded text has that many characters.

        Args:
            ids: the token ids of a completion.
            places: numbers of characters.

        Raises:
            ValueError: the decoded text is shorter, so another text was judged.
        """
        if not places:
            return []
        text = self._decode(ids)
        pieces = [self._piece(token) for token in ids]
        by_sums = "".join(pieces) == text
        lengths = list(accumulate(map(len, pieces))) if by_sums else []
        ends = []
        for place in places:
            if place > len(text):
                raise ValueError(f"a step ends at character {place} of a completion of {len(text)}: {text!r}")
            if by_sums:
                ends.append(bisect_left(lengths, place) if place else 0)
            else:
                ends.append(self._bisected(ids, text[:place]))
        return ends

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._decode([token])
        return self._pieces[token]

    def _bisected(self, ids: Sequence[int], wanted: str) -> int:
        """The first token after which the decoded text starts with `wanted`; it does after all later tokens, too."""
        low, high = 0, len(ids) - 1
        while low < high:
            middle = (low + high) // 2
            if self._decode(ids[: middle + 1]).startswith(wanted):
                high = middle
            else:
                low = middle + 1
        return low
