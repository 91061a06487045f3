"""The spans of a completion's steps: by a verifier, between separators, or by a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers import Verdict

Span = tuple[int, int]


@dataclass(frozen=True)
class Splitter:
    """Splits completions into steps; without a separator or a pattern, by the spans of a verdict.

    Attributes:
        separator: text between two steps, which belongs to neither.
        pattern: a regular expression; each match is a step.
    """

    separator: str | None = None
    pattern: re.Pattern[str] | None = None

    def __call__(self, completion: str, verdict: Verdict | None) -> list[Span]:
        """The spans of the steps in order; blank parts are not steps."""
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
        """The completion up to the end of a step, including a separator that follows it.

        Args:
            completion: the whole text.
            end: index after the last character of the step.
        """
        if self.separator and completion.startswith(self.separator, end):
            end += len(self.separator)
        return completion[:end]
