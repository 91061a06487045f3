"""The watch of a speedrun: it counts what a trainer uses, measures its policy, and says when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

GOAL, EVERY, LIMIT = 0.90, 640, 76_800
"""Greedy accuracy to reach; completions between two evaluations; completions after which a run ends in any case."""


class Clock(NamedTuple):
    """Seconds by the clock, and seconds that this process has spent on processors."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Clock:
        """The time now."""
        return cls(time.perf_counter(), time.process_time())


@dataclass
class Watch:
    """Counts what a trainer has used, measures its policy from time to time, and says when to stop.

    The clock runs from the start to the end, but not during evaluations.

    Args:
        measure: returns the policy's accuracy on the held-out problems.
        goal: the accuracy to reach.
        limit: completions after which the run ends in any case.
        every: completions between two evaluations.
        now: returns the time.

    Attributes:
        completions: completions that the policy has learnt from.
        tokens: their tokens.
        curve: the accuracy after each `every` completions.
        seconds: time by the clock until the last evaluation, without evaluations.
        processor_seconds: the same by the time that processors spent.
    """

    measure: Callable[[], float]
    goal: float = GOAL
    limit: int = LIMIT
    every: int = EVERY
    now: Callable[[], Clock] = Clock.now
    completions: int = 0
    tokens: int = 0
    curve: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._resumed = self.now()

    @property
    def reached(self) -> bool:
        """Whether the last evaluation reached the goal."""
        return bool(self.curve) and self.curve[-1] >= self.goal

    @property
    def ended(self) -> bool:
        """Whether the run is over: it reached the goal, or used all the completions."""
        return self.reached or self.completions >= self.limit

    def learnt(self, completions: int, tokens: int) -> bool:
        """To be called when the policy has learnt from a draw.

        Args:
            completions: completions of the draw.
            tokens: their tokens.

        Returns:
            Whether the trainer has to stop now.
        """
        self.completions += completions
        self.tokens += tokens
        if self.completions >= self.every * (len(self.curve) + 1):
            paused = self.now()
            self.seconds += paused.wall - self._resumed.wall
            self.processor_seconds += paused.processor - self._resumed.processor
            self.curve.append(self.measure())
            self._resumed = self.now()
        return self.ended
