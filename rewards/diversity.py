r"""Diversity of the rationale (MaRio, Ramnath et al. 2024, arXiv:2311.02805): $\prod_{n=2}^{4} (1 - \mathrm{rep}_n)$.

$\mathrm{rep}_n$ is the share of the rationale's n-grams of words that repeat an earlier one, or 0 if it has fewer than
two. The rationale is the text before the answer marker. As in MaRio, a completion without the marker has no reward: it
abstains. An empty rationale has the value 0; by the formula it would have the highest value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from rewards.parts.context import Context
from rewards.parts.rationale import layout
from rewards.parts.settings import options_of
from rewards.reward import Reward, Scores, Text, text_of
from verifiers.format import repetition


class Diversity(Reward):
    """The product of one minus the repeated share of 2-, 3- and 4-grams; in [0, 1].

    Args:
        marker: text that ends the rationale; None if the whole completion is the rationale.
        name: the name in the logs.

    Raises:
        ValueError: the marker is not a text, or is empty.
    """

    def __init__(self, marker: str | None = "So the answer is", name: str = "diversity") -> None:
        self.name = name
        self.layout = layout({"marker": marker}, "")

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Measure each completion's rationale."""
        return Scores([self._diversity(text_of(completion)) for completion in completions])

    def _diversity(self, text: str) -> float | None:
        part = self.layout.split(text)
        if not part.marked:
            return None
        words = part.rationale.split()
        return prod(1 - repetition(words, n) for n in (2, 3, 4)) if words else 0.0


def build(name: str, settings: Mapping[str, Any], context: Context) -> Diversity:
    """Make the reward from its section of the config."""
    return Diversity(**options_of(settings, ("marker",)), name=name)
