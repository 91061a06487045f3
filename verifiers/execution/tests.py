"""Tests of a program, split into what must be evaluated inside of the sandbox and what is compared outside.

Of `assert f(3) == 9` the program's process is given `f(3)` alone. So it is not told the 9, and an object that calls
itself equal to everything is equal to nothing: only plain values come out (`verifiers.execution.sandbox.values`).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verifiers.execution.comparison import literal

NOT_REACHED = "not reached"

_OUTSIDE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, wanted: value in wanted,
    ast.NotIn: lambda value, wanted: value not in wanted,
}
_PREPARATIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)


class BadTest(ValueError):
    """A test is not Python."""


@dataclass(frozen=True, slots=True)
class Test:
    """One statement of the tests.

    Attributes:
        text: the statement as it was written.
        inside: for the sandbox: `value` and an expression, or `passes` and statements.
        holds: whether the value of the expression is what the statement asserts; None where it runs inside as a whole.
        counts: false for an import, a definition or an assignment, which only prepares what follows.
    """

    text: str
    inside: tuple[str, str]
    holds: Callable[[Any], bool] | None
    counts: bool


def parse_tests(tests: Sequence[str] | str) -> list[Test]:
    """The statements of the tests in order; those that only prepare are among them.

    Raises:
        BadTest: one does not parse.
    """
    found = []
    for index, text in enumerate([tests] if isinstance(tests, str) else tests):
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise BadTest(f"test {index} does not parse: {error}") from None
        found += [_split(statement) for statement in body]
    return found


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


def _split(statement: ast.stmt) -> Test:
    text = ast.unparse(statement)
    if isinstance(statement, ast.Assert):
        split = _compared_outside(statement.test)
        if split is not None:
            expression, holds = split
            return Test(text, ("value", ast.unparse(expression)), holds, True)
        return Test(text, ("value", f"bool({ast.unparse(statement.test)})"), lambda value: value is True, True)
    return Test(text, ("passes", text), None, not isinstance(statement, _PREPARATIONS))


def _compared_outside(condition: ast.expr) -> tuple[ast.expr, Callable[[Any], bool]] | None:
    """The expression of a comparison with a literal, and the rest of it as a function; None for anything else."""
    if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
        return None
    left, kind, right = condition.left, type(condition.ops[0]), condition.comparators[0]
    try:
        wanted = literal(right)
    except ValueError:
        if kind not in (ast.Eq, ast.NotEq):  # the same either way round: `assert 9 == f(3)`
            return None
        try:
            wanted = literal(left)
        except ValueError:
            return None
        left = right
    if kind in (ast.Is, ast.IsNot) and not (wanted is None or isinstance(wanted, bool)):
        return None  # which of two equal numbers it is does not travel
    compare = _OUTSIDE[kind]
    return left, lambda value: bool(compare(value, wanted))
