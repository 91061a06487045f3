"""Sections of the embedded tasks, whose problems and demonstrations are generated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rl.config.section import Positive, Section, Share

EMBEDDED = ("addition", "chain", "facts", "stories", "zip")
"""The tasks on which the embedded policy can be warmed up."""


def _ascending(numbers: tuple[int, int]) -> tuple[int, int]:
    if numbers[0] > numbers[1]:
        raise ValueError(f"the smallest number comes first: {list(numbers)}")
    return numbers


Bounds = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
"""The smallest and the largest number of something."""


class Sizes(Section):
    """Number of rows in each split of a generated task."""

    train: Positive = 6000
    """Problems to train on."""
    validation: Positive = 1000
    """Problems for validation."""
    test: Positive = 1000
    """Problems for test."""


class AdditionTask(Section):
    """Sums of two numbers, written by one of several traces (`rl/tasks/addition.py`)."""

    name: Literal["addition"]
    digits: Bounds = (2, 2)
    """Smallest and largest number of digits of both numbers."""
    trace: Literal["plain", "reversed", "simplified", "detailed", "random"] = "plain"
    """How completions are written (`verifiers/addition.py`)."""
    sizes: Sizes = Sizes(train=4000, validation=300, test=300)


class ChainTask(Section):
    """Chained sums modulo 10 with an exact step verifier (`rl/tasks/chain.py`)."""

    name: Literal["chain"]
    operations: Bounds = (2, 4)
    """Smallest and largest number of operations in a problem."""
    hinted: Share = 0.0
    """Share of the warm start's demonstrations whose prompt shows the answer, `7*3-4?7?`, so that the embedded policy
    can read STaR's hints."""
    told: Share = 0.0
    """Share of the warm start's demonstrations (after the hinted ones) whose prompt says how to answer: `7*3-4?;` by
    steps, `7*3-4?#` at once."""
    sizes: Sizes = Sizes()


class FactsTask(Section):
    """Multiple choice over a small invented world (`rl/tasks/facts.py`)."""

    name: Literal["facts"]
    sizes: Sizes = Sizes(train=2000, validation=300, test=300)


class StoriesTask(Section):
    """Word problems with marked solutions (`rl/tasks/stories.py`)."""

    name: Literal["stories"]
    events: Bounds = (2, 3)
    """Smallest and largest number of events that change the asked number."""
    verifier: Literal["numeric", "equation_system", "code"] = "numeric"
    """What judges answers: `numeric` if they are in words or equations, `equation_system` for systems and `code` for
    programs (`algorithm.examples.form`)."""
    demonstrated: Annotated[list[Literal["words", "equations", "program", "system"]], Field(min_length=1)] = [
        "words", "equations", "program", "system",
    ]  # fmt: skip
    """The forms of the warm start's demonstrations, each equally often."""
    guided: Share = 0.0
    """Share of the warm start's demonstrations whose prompt shows a guide without results, so that the embedded policy
    can follow one."""
    sizes: Sizes = Sizes(train=2000, validation=300, test=300)


class ZipTask(Section):
    """Two strings of bits interleaved, the task of RL-STaR (`rl/tasks/zip.py`). All splits have all of its problems."""

    name: Literal["zip"]
    bits: Annotated[int, Field(ge=2, le=4)] = 3
    """N, the length of the strings and of a chain; there are M = 4^N states before each step."""
    delta: Share | list[Share] = 0.2
    """How much more likely than chance the demonstrator takes the right next state; a list has a value for each
    step."""
    demonstrate: Literal["steps", "chains"] = "steps"
    """What the warm start learns: single steps, for a policy that sees the previous state alone, or whole chains."""

    @property
    def deltas(self) -> list[float]:
        """δ of each step."""
        return self.delta if isinstance(self.delta, list) else [self.delta] * self.bits

    @model_validator(mode="after")
    def _of_each_step(self) -> ZipTask:
        if len(self.deltas) != self.bits:
            raise ValueError(f"delta: expected one number, or {self.bits} for {self.bits} steps, got {self.delta}")
        if max(self.deltas) > (most := 1 - 4.0**-self.bits):
            raise ValueError(f"delta: the right state has probability 1/M + delta, so {most:g} is the most")
        return self
