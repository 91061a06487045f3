r"""A penalty for repeated n-grams: $r = -p \, \mathrm{rep}_n$ with $\mathrm{rep}_n$ = 1 - different / all n-grams.

It is in [-p, 0], and 0 for a text with fewer than two n-grams.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.parts.context import Context
from rewards.parts.settings import number, one_of, options_of, whole
from rewards.parts.units import UNITS, units
from rewards.reward import Reward, Scores, Text
from verifiers.format import repetition


class Repetition(Reward):
    """Minus the share of n-grams that repeat an earlier one.

    Args:
        ngram: n.
        penalty: p, the penalty for a text that only repeats itself, a positive number.
        unit: `words`, `characters` or `tokens`.
        name: the name in the logs.

    Raises:
        ValueError: an option is out of bounds.
    """

    def __init__(self, ngram: int = 3, penalty: float = 1.0, unit: str = "words", name: str = "repetition") -> None:
        self.name = name
        self.ngram = whole("ngram", ngram)
        self.penalty = number("penalty", penalty, above=0)
        self.unit = one_of("unit", unit, UNITS)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Count each completion's repeated n-grams."""
        counted = units(completions, completion_ids, self.unit)
        return Scores([-self.penalty * repetition(text, self.ngram) for text in counted])


def build(name: str, settings: Mapping[str, Any], context: Context) -> Repetition:
    """Make the reward from its section of the config."""
    return Repetition(**options_of(settings, ("ngram", "penalty", "unit")), name=name)
