r"""Python programs, judged by their answer or by tests. They run in a sandbox (`verifiers.execution.sandbox`).

- **The program** is the block or the blocks of a completion that define what is called, without example calls, tests or
  tables of output next to them (`verifiers.execution.extraction` has the rules).
- **Its answer** is what `solution()` returns if the program defines it (or `simple_math_problem()`, as in TinyGSM;
  `entry` names others); otherwise the last line that it prints; otherwise, if it prints nothing, the value of its last
  line as an expression, as in a notebook, or else its variable `ans` or `answer`, as in program of thoughts. So a bare
  `42` is a program whose answer is 42.
- **The comparison** (`verifiers.execution.comparison.same`) happens outside the sandbox, and the gold never enters it.
- **Tests** (a column `tests`) replace the gold as the reference. They have one of these forms, for which
  `docs/verifiers_code.md` has examples:

  - statements, in a list or as one text: `assert f(3) == 9` (MBPP), or functions `test_…()`;
  - a function `check(candidate)` with `entry_point`, the name of what it checks (HumanEval);
  - inputs and outputs, `{"inputs": […], "outputs": […]}`, of a script that reads standard input, or with `fn_name` of a
    function (APPS, LiveCodeBench); `verifiers.execution.input_output` says when outputs are equal.

- **A program cannot decide the outcome of its tests.** The value in a plain assertion is compared outside the sandbox;
  tests that compute something themselves run in another process, where no code of the program runs. So an object that
  equals everything equals no plain value; builtins, modules and asserts that a program patches are patched in its own
  process only; and a program that exits early, with any exit status, has not passed the tests that were not reached.
  Statements and calls share one process of the program, so later tests see what an earlier one changed; a script is
  run anew for each input.
- **A program that tests call** is treated as if they had imported it: its main part (`if __name__ == "__main__":`) does
  not run. What follows its last definition or import (example calls, its own checks, questions to a user) does run, and
  may raise or call `exit()`, because the tests decide, unless `ends_well` is true. It is wrong if it raises before
  that, ends the process, or never returns.
- **Annotations are not evaluated**, so `List[int]` without its import does no harm; some data sets' graders import
  `typing` first.
- **A program that does not end well is wrong**, and the reason says why: it does not parse, raises, exits with an
  error, prints too much, is killed, or exceeds its time. Its limits are part of the task. The verdict is `failed` only
  if the sandbox breaks or does not answer; if no isolation is possible, `SandboxUnavailable` is raised and nothing is
  judged.
- **Time** is processor time, so verdicts do not depend on how busy the machine is. A program that only waits is ended
  by the clock.
- **Equal programs** in a batch are run once.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from verifiers.execution.blocks import defined, parses
from verifiers.execution.extraction import program
from verifiers.execution.input_output import printed_as_wanted
from verifiers.execution.sandbox import Limits, Sandbox, SandboxError, SandboxUnavailable
from verifiers.execution.sandbox.shared import borrow
from verifiers.execution.suite import BadTest, Suite
from verifiers.execution.tests import parse_tests
from verifiers.execution.verdicts import SHOWN, verdict_on_answer, verdict_on_tests
from verifiers.verdict import Verdict, abstained, failed, judged

ONE_FORM = True
OF_THE_ROW = ("tests", "entry", "entry_point", "setup", "stdin", "starter")
OF_THE_CONFIG = ("allow_unsandboxed", "preload")
"""No data may weaken the sandbox."""
LONGEST = 200_000
"""Characters of a program; a longer one is wrong."""
ENTRIES = ("solution", "simple_math_problem")

_T = TypeVar("_T")


def verify(
    prediction: str,
    gold: str,
    *,
    tests: Sequence[Any] | Mapping[str, Any] | str | None = None,
    entry: str | Sequence[str] = ENTRIES,
    entry_point: str | None = None,
    setup: str = "",
    stdin: str = "",
    starter: str = "",
    partial: bool = False,
    ends_well: bool = False,
    lenient: bool = False,
    absolute: float = 1e-9,
    relative: float = 1e-6,
    seconds: float = 2.0,
    memory: int = 512,
    preload: Sequence[str] | str = (),
    allow_unsandboxed: bool = False,
) -> Verdict:
    """Judge a program: 1 where its answer is the gold, or where it passes all tests, else 0.

    Args:
        prediction: the completion that holds the program.
        gold: the answer; what follows the last `####` where it has one. Not looked at where there are tests.
        tests: statements, a function `check(candidate)`, or inputs and outputs; see the module.
        entry: the function, or functions, whose return value is the answer; of several the first that is defined.
        entry_point: what the tests check, where they do not name it: a function, or an expression such as
            `Solution().add`.
        setup: statements to run before the program and before its tests, such as imports that they rely on.
        stdin: what the program reads from standard input, where there are no tests.
        starter: code that the prompt gave, such as a signature with a docstring: the completion may be its
            continuation.
        partial: with tests, the score is the share that pass.
        ends_well: whether a program that tests call must also end well as a whole: what follows its last definition,
            such as an example or its own checks, must then not raise either.
        lenient: where the gold is a number and the last line printed is not one, take the last number of that line.
        absolute: a number may be this far from the gold.
        relative: it may be this fraction of the gold away from it.
        seconds: processor time of the program, rounded up. A program that waits may take two and a half times as long.
        memory: megabytes of address space.
        preload: modules imported once for all programs, where importing them takes long (`numpy sympy`).
        allow_unsandboxed: run programs with limits alone where this machine allows no isolation.

    Returns:
        Judged, with the answer in `extracted`; abstained where the gold is empty or a test does not parse; failed where
        the sandbox broke twice.

    Raises:
        SandboxUnavailable: this machine allows no isolation and `allow_unsandboxed` is false.
        ValueError: a limit or tolerance is out of range, or a module of `preload` cannot be imported.
    """
    if not (absolute >= 0 and relative >= 0):
        raise ValueError(f"a tolerance is at least 0, not absolute={absolute}, relative={relative}")
    if not seconds > 0:
        raise ValueError(f"seconds must be positive, not {seconds!r}")
    limits = Limits(cpu=-int(-seconds // 1), wall=2.5 * seconds, clock=max(25 * seconds, 30.0), memory=memory)
    suite: Suite | None = None
    if tests is not None:
        named = entry_point or (entry if isinstance(entry, str) else None)
        setup = "\n".join(part for part in (setup, starter) if part and parses(part))
        try:
            suite = parse_tests(tests, named, defined(setup))
        except BadTest as error:
            return abstained(str(error))
    elif not (gold := gold.rpartition("####")[2].strip()):
        return abstained("the gold is empty")
    needed = suite.needed if suite else _names(entry)
    source = program(prediction, needed, reads=bool(stdin or (suite and suite.runs)), starter=starter)
    if not source.strip():
        return judged(0.0, "no program")
    if len(source) > LONGEST:
        return judged(0.0, f"a program of more than {LONGEST} characters")
    where = _Where(limits, _names(preload), allow_unsandboxed)
    try:
        if suite is None:
            outcome = where.run(lambda sandbox: sandbox.run(source, setup=setup, entries=_names(entry), stdin=stdin))
            if "\n" in gold and outcome.error is None and printed_as_wanted(outcome.printed, gold, absolute, relative):
                return judged(1.0, "right", extracted=outcome.printed.strip()[-SHOWN:])
            return verdict_on_answer(outcome, gold, absolute, relative, lenient)
        if suite.runs:
            return _judge_runs(suite, where, source, setup, partial, absolute, relative)
        if suite.apart:
            return _judge_apart(suite, where, source, setup, partial, ends_well)
        inside = [test.inside for test in suite.tests]
        outcome = where.run(
            lambda sandbox: sandbox.run(source, setup=setup, entries=(), tests=inside, ends_well=ends_well)
        )
    except SandboxError as error:
        return failed(f"sandbox: {error}")
    return verdict_on_tests(suite, outcome.tests, outcome.error, partial)


def gold_prediction(gold: str, *, tests: Any = None) -> str | None:
    """A program that must be judged right.

    Args:
        gold: the row's gold.
        tests: the row's tests.

    Returns:
        One that prints the gold; with tests the gold itself where it is a program, else None.
    """
    if tests is None:
        return f"print({gold.rpartition('####')[2].strip()!r})"
    return gold if gold.strip() and defined(gold) else None


def verify_many(rows: Sequence[Mapping[str, Any]], *, workers: int | None = None, **options: Any) -> list[Verdict]:
    """Judge rows with several sandboxes at once; the verdicts are in the rows' order.

    Args:
        rows: `prediction`, `gold` and any option of `verify`, which wins over `options`.
        workers: sandboxes at once; as many as there are processors for this process where None.
        **options: those of `verify`.

    Raises:
        SandboxUnavailable: as in `verify`. What else `verify` raises makes that row `failed`.
    """
    known = [p.name for p in inspect.signature(verify).parameters.values() if p.kind is p.KEYWORD_ONLY]
    waiting: dict[str, tuple[str, str, dict[str, Any]]] = {}
    keys = []
    for row in rows:
        arguments = options | {name: row[name] for name in known if row.get(name) is not None}
        key = repr((row["prediction"], row["gold"], arguments))
        waiting.setdefault(key, (row["prediction"], row["gold"], arguments))
        keys.append(key)
    with ThreadPoolExecutor(max(1, min(workers or _processors(), len(waiting)))) as pool:
        verdicts = dict(zip(waiting, pool.map(_guarded, waiting.values()), strict=True))
    return [verdicts[key] for key in keys]


def _names(names: Sequence[str] | str) -> tuple[str, ...]:
    """Names from a list, or from one text with spaces or commas between them."""
    return tuple(names.replace(",", " ").split()) if isinstance(names, str) else tuple(names)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Where:
    """The sandboxes that a program is run in."""

    limits: Limits
    preload: tuple[str, ...]
    allow_unsandboxed: bool

    def run(self, work: Callable[[Sandbox], _T]) -> _T:
        """Do something with a sandbox; once more where it broke, since what broke it may be over.

        Raises:
            SandboxError: it broke again.
        """
        with borrow(self.limits, self.preload, self.allow_unsandboxed) as sandbox:
            try:
                return work(sandbox)
            except SandboxError:
                return work(sandbox)


def _guarded(arguments: tuple[str, str, dict[str, Any]]) -> Verdict:
    prediction, gold, options = arguments
    try:
        return verify(prediction, gold, **options)
    except SandboxUnavailable:
        raise  # no row can be judged: that is for the caller to know, not a verdict
    except Exception as error:
        return failed(f"{type(error).__name__}: {error}"[:200])


def _judge_apart(suite: Suite, where: _Where, source: str, setup: str, partial: bool, ends_well: bool) -> Verdict:
    """Judge by tests that run in a process of their own."""
    inside, names = [test.inside for test in suite.tests], sorted(suite.names)
    outcome, tested = where.run(
        lambda sandbox: where.run(
            lambda tester: sandbox.run_tested(source, tester, inside, names, setup=setup, ends_well=ends_well)
        )
    )
    for test, result in ((suite.tests[index], result) for index, result in tested.tests.items()):
        if _is_import(test.text) and "error" in result and outcome.error is None:
            return abstained(f"a test cannot be run: {test.text[:60]}: {result['error']}"[:SHOWN])
    return verdict_on_tests(suite, tested.tests, outcome.error or tested.error, partial)


def _is_import(statement: str) -> bool:
    return statement.startswith(("import ", "from "))


def _judge_runs(
    suite: Suite, where: _Where, source: str, setup: str, partial: bool, absolute: float, relative: float
) -> Verdict:
    """Judge a script by what it prints for each input."""
    passed, first_wrong = 0, ""
    for run in suite.runs:
        outcome = where.run(lambda sandbox, run=run: sandbox.run_script(source, run.stdin, setup=setup))
        if outcome.error is None and printed_as_wanted(outcome.printed, run.wanted, absolute, relative):
            passed += 1
            continue
        why = outcome.error or f"printed {outcome.printed[:60]!r}"
        first_wrong = first_wrong or f"for {run.stdin[:40]!r}: {why}"
        if not partial:
            break
    if not first_wrong:
        return judged(1.0, "right")
    reason = f"{passed} of {len(suite.runs)} tests pass; {first_wrong}"
    return judged(passed / len(suite.runs) if partial else 0.0, reason[:SHOWN])
