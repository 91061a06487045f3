"""Tests of one program, read and ready to be run: what runs inside of the sandbox, and what is compared outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from verifiers.execution.input_output import Run

NOT_REACHED = "not reached"


class BadTest(ValueError):
    """The tests cannot be run."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test, or a statement that prepares the next ones.

    Attributes:
        text: the statement as it was written.
        inside: for the sandbox: `value` and an expression, `call` and a function with arguments, or `passes` and
            statements.
        holds: whether the value that comes out is what the test asserts; None where it runs as a whole.
        counts: false for an import, a definition or an assignment, which only prepares what follows.
    """

    text: str
    inside: tuple[str, str]
    holds: Callable[[Any], bool] | None
    counts: bool


@dataclass(frozen=True, slots=True)
class Suite:
    """All tests of one program.

    Attributes:
        tests: in order; empty where the program is run as a script.
        runs: what a script is given on standard input and must print, a pair for each test.
        needed: the names that the program must define.
        names: all names of the tests that may be the program's.
        apart: whether the tests run in a process of their own.
    """

    tests: tuple[Test, ...] = ()
    runs: tuple[Run, ...] = ()
    needed: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    apart: bool = False


def failure(test: Test, result: Mapping[str, Any] | None) -> str | None:
    """Why a test failed, in a few words, or None where it passed.

    Args:
        test: the test.
        result: what the sandbox says of it (`Outcome.tests`), None where it was not reached.
    """
    if result is None:
        return NOT_REACHED
    if "error" in result:
        return str(result["error"])
    if test.holds is None:
        return None if result.get("passed") is True else "failed"
    if "value" not in result:
        return "gave no value"
    try:
        return None if test.holds(result["value"]) else f"gave {result['value']!r}"[:100]
    except (TypeError, ValueError) as error:  # `None < 3`, an integer too long to write
        return f"cannot be compared: {error}"
