"""Where the steps of a completion lie: a verifier's spans, the parts between separators, or a pattern's matches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers import Verdict

Span = tuple[int, int]


@dataclass(frozen=True)
class Splitter:
    """How completions are split; with neither a separator nor a pattern, by the spans of the verifier.

    Attributes:
        separator: what stands between two steps and belongs to neither.
        pattern: a regular expression; each match is a step.
    """

    separator: str | None = None
    pattern: re.Pattern[str] | None = None

    def __call__(self, completion: str, verdict: Verdict | None) -> list[Span]:
        """The steps' spans in order; parts that are blank are no steps."""
        if self.pattern is not None:
            return [match.span() for match in self.pattern.finditer(completion) if match.end() > match.start()]
        if self.separator is None:
            return [(step.start, step.end) for step in verdict.steps] if verdict else []
        spans, start = [], 0
        for part in completion.split(self.separator):
            if part.strip():
                spans.append((start, start + len(part)))
            start += len(part) + len(self.separator)
        return spans

    def prefix(self, completion: str, end: int) -> str:
        """The completion up to a step's end, with the separator where it follows there.

        Args:
            completion: the whole text.
            end: one past the last character of a step.
        """
        if self.separator and completion.startswith(self.separator, end):
            end += len(self.separator)
        return completion[:end]
