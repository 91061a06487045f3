"""Form of a completion: the share of required tags, sections and bounds that it satisfies (`verifiers/format.py`).

Needs no gold answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.correctness import Correctness
from rewards.parts.context import Context
from rewards.parts.settings import options_of
from rewards.reward import Scores, Text
from verifiers.format import verify
from verifiers.runtime.verifier import Verifier


class Format(Correctness):
    """The format verifier's score in [0, 1].

    Args:
        options: the verifier's options: `tags`, `sections`, `min_words`, `max_words`, `max_repetition`, `ngram`.
        name: the name in the logs.

    Raises:
        ValueError: an option does not exist or is invalid, or there is nothing to check.
    """

    def __init__(self, options: Mapping[str, Any], name: str = "format") -> None:
        super().__init__(Verifier("format", **options), name)
        verify("", "", **options)  # the verifier checks its options when it judges, so check them before training
        self.columns = ()

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Judge each completion's form; no column is read."""
        scores = super().score(prompts, completions, completion_ids, gold=[""] * len(completions))
        return Scores(scores.values, failures=scores.failures)


def build(name: str, settings: Mapping[str, Any], context: Context) -> Format:
    """Make the reward from its section of the config."""
    valid = ("tags", "sections", "min_words", "max_words", "max_repetition", "ngram")
    return Format(options_of(settings, valid), name)
