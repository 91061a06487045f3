"""Sections of the embedded tasks, whose problems and demonstrations are generated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rl.config.section import Positive, Section, Share


class Sizes(Section):
    """Number of rows in each split of a generated task."""

    train: Positive = 6000
    validation: Positive = 1000
    test: Positive = 1000


class ChainTask(Section):
    """Chained sums modulo 10 with an exact step verifier (`rl/tasks/chain.py`)."""

    name: Literal["chain"]
    operations: tuple[Positive, Positive] = (2, 4)
    hinted: Share = 0.0
    """Share of the warm start's demonstrations whose prompt shows the answer, `7*3-4?7?`, so that the embedded policy
    can read STaR's hints."""
    told: Share = 0.0
    """Share of the warm start's demonstrations (after the hinted ones) whose prompt says how to answer: `7*3-4?;` by
    steps, `7*3-4?#` at once."""
    sizes: Sizes = Sizes()

    @field_validator("operations")
    @classmethod
    def _ordered(cls, operations: tuple[int, int]) -> tuple[int, int]:
        if operations[0] > operations[1]:
            raise ValueError(f"the least number of operations comes first: {list(operations)}")
        return operations


class FactsTask(Section):
    """Multiple choice over a small invented world (`rl/tasks/facts.py`)."""

    name: Literal["facts"]
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
