"""Tests of a program: what must run inside of the sandbox, and what is compared outside.

Three forms are read; `docs/verifiers_code.md` shows each.

- **Statements** (MBPP; functions `test_…()` without arguments; `unittest` cases): of `assert f(3) == 9` the program's
  process is given `f(3)` alone, and the 9 is compared outside.
- **A function `check(candidate)`** (HumanEval) with the name of what it checks: its statements, `candidate` replaced.
- **Inputs and outputs** (APPS, LiveCodeBench): text on standard input and what must be printed, or with a function's
  name its arguments and what it must return (`verifiers.execution.input_output`).

Where every statement is of the first kind, the tests run in the program's own process, since nothing that is decided
there counts. Where one is not (`assert abs(f(3) - 9) < 1e-6`, a loop), all of them run in a process of their own,
which calls the program's (`verifiers.execution.sandbox.testing`). Neither way can a program decide what its tests say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verifiers.execution.input_output import parse_pairs
from verifiers.execution.statements import parse_statements
from verifiers.execution.suite import BadTest, Suite, Test


def parse_tests(tests: Any, entry_point: str | None = None, given: frozenset[str] = frozenset()) -> Suite:
    """Read tests in any of their forms.

    Args:
        tests: statements, in a list or as one text; or inputs and outputs, a mapping, a list of mappings, or JSON of
            them.
        entry_point: what is tested: a function's name, or an expression such as `Solution().add`.
        given: names that the tests can rely on because the caller defines them (`setup`).

    Raises:
        BadTest: they cannot be read, or there are none.
    """
    try:
        pairs = parse_pairs(tests, entry_point)
    except (ValueError, TypeError, KeyError) as error:
        raise BadTest(f"the tests' inputs and outputs do not read: {error}") from None
    if pairs is not None:
        if not pairs.runs and not pairs.calls:
            raise BadTest("there are no tests")
        calls = tuple(Test(call.text, ("call", call.request), call.holds, True) for call in pairs.calls)
        return Suite(calls, tuple(pairs.runs), frozenset(pairs.needed))
    if isinstance(tests, Mapping):  # HumanEval's own columns in one
        entry_point = entry_point or tests.get("entry_point")
        tests = tests.get("test") or tests.get("test_list") or tests.get("tests") or tests.get("check") or ()
    return parse_statements([tests] if isinstance(tests, str) else tests, entry_point, given)
