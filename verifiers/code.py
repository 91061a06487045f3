r"""Python programs, judged by the value they end with or by tests.

They run in a sandbox (`verifiers.execution.sandbox`).

Decided, once for all:

- **The program** is the last fenced block of a completion that is marked as Python, else the last block without a mark,
  else the whole text.
- **Its answer**: what `solution()` returns where the program defines it (or `simple_math_problem()`, as TinyGSM has it;
  `entry` names others); else the last line it prints; else, where it prints nothing, what its last line is worth as an
  expression, as in a notebook. So a bare `42` is a program whose answer is 42.
- **Comparison**: see `verifiers.execution.comparison.same`. It happens outside of the sandbox; the gold never goes in.
- **Tests** (a column `tests`: a list of statements, or one text of them) are the reference then, and the gold is not
  looked at. Of `assert f(3) == 9` only `f(3)` is evaluated inside, and compared outside with Python's `==`; so with
  `!=`, `is` and `in` between an expression and a literal, and with `assert f(3)` and `assert not f(3)`. Any other
  statement runs inside and passes where it does not raise. A program can cheat there, with a result whose `==` is
  always true or by raising nothing at all: prefer tests of the first kind for training. Tests share one process, so
  what one changes the next one sees.
- **A program that does not end well is wrong**, with the reason: it does not parse, raises, exits with an error, prints
  too much, is killed, or exceeds its time. Its limits are part of the task. Only a sandbox that breaks or does not
  answer makes the verdict `failed`; where no isolation is possible, nothing is judged and `SandboxUnavailable` is
  raised.
- **Equal programs** are run once in a batch.
"""

from __future__ import annotations

import inspect
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

from verifiers.execution.comparison import last_number, read, same
from verifiers.execution.sandbox import Limits, Outcome, SandboxError, SandboxUnavailable
from verifiers.execution.sandbox.shared import borrow
from verifiers.execution.sandbox.values import as_text
from verifiers.execution.tests import NOT_REACHED, BadTest, Test, failure, parse_tests
from verifiers.verdict import Verdict, abstained, failed, judged

LONGEST = 200_000
"""Characters of a program; a longer one is wrong."""
ENTRIES = ("solution", "simple_math_problem")

_FENCE = re.compile(r"```([^\n`]*)\n(.*?)(?:```|\Z)", re.DOTALL)
_SHOWN = 200


def verify(
    prediction: str,
    gold: str,
    *,
    tests: Sequence[str] | str | None = None,
    entry: str | Sequence[str] = ENTRIES,
    setup: str = "",
    partial: bool = False,
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
        tests: statements, in a list or as one text.
        entry: the function, or functions, whose return value is the answer; of several the first that is defined.
        setup: statements to run before the program, such as imports that its tests rely on.
        partial: with tests, the score is the share that pass.
        lenient: where the gold is a number and the last line printed is not one, take the last number of that line.
        absolute: a number may be this far from the gold.
        relative: it may be this fraction of the gold away from it.
        seconds: processor time of the program, rounded up; it may take two and a half times as long by the clock.
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
    limits = Limits(cpu=-int(-seconds // 1), wall=2.5 * seconds, memory=memory)
    checks: list[Test] = []
    if tests is not None:
        try:
            checks = parse_tests(tests)
        except BadTest as error:
            return abstained(str(error))
        if not any(test.counts for test in checks):
            return abstained("there are no tests")
    elif not (gold := gold.rpartition("####")[2].strip()):
        return abstained("the gold is empty")
    source = extract(prediction)
    if not source.strip():
        return judged(0.0, "no program")
    if len(source) > LONGEST:
        return judged(0.0, f"a program of more than {LONGEST} characters")
    job = {"setup": setup, "entries": () if checks else _names(entry), "tests": [test.inside for test in checks]}
    try:
        outcome = _run(limits, _names(preload), allow_unsandboxed, source, **job)
    except SandboxError as error:
        return failed(f"sandbox: {error}")
    if checks:
        return _judge_tests(outcome, checks, partial)
    return _judge_answer(outcome, gold, absolute, relative, lenient)


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


def extract(completion: str) -> str:
    """The program in a completion: its last block marked as Python, its last unmarked block, or all of it."""
    blocks = [(label.strip().lower(), body) for label, body in _FENCE.findall(completion)]
    marked = [body for label, body in blocks if label.split(" ")[0] in ("python", "python3", "py")]
    unmarked = [body for label, body in blocks if not label]
    chosen = marked or unmarked
    return textwrap.dedent(chosen[-1]) if chosen else completion


def _names(names: Sequence[str] | str) -> tuple[str, ...]:
    """Names from a list, or from one text with spaces or commas between them."""
    return tuple(names.replace(",", " ").split()) if isinstance(names, str) else tuple(names)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(limits: Limits, preload: tuple[str, ...], allow_unsandboxed: bool, source: str, **job: Any) -> Outcome:
    """Run a program; once more where the sandbox broke under it, since what broke it may be over.

    Raises:
        SandboxError: it broke again.
    """
    with borrow(limits, preload, allow_unsandboxed) as sandbox:
        try:
            return sandbox.run(source, **job)
        except SandboxError:
            return sandbox.run(source, **job)


def _guarded(arguments: tuple[str, str, dict[str, Any]]) -> Verdict:
    prediction, gold, options = arguments
    try:
        return verify(prediction, gold, **options)
    except SandboxUnavailable:
        raise  # no row can be judged: that is for the caller to know, not a verdict
    except Exception as error:
        return failed(f"{type(error).__name__}: {error}"[:200])


def _judge_answer(outcome: Outcome, gold: str, absolute: float, relative: float, lenient: bool) -> Verdict:
    lines = [line for line in outcome.printed.splitlines() if line.strip()]
    shown = as_text(outcome.values[0]) if outcome.values else lines[-1].strip() if lines else None
    extracted = shown[:_SHOWN] if shown is not None else None
    if outcome.error is not None:
        return judged(0.0, outcome.error[:_SHOWN], extracted=extracted)
    if shown is None:
        return judged(0.0, "the program gave no answer")
    wanted = read(gold)
    answer = outcome.values[0] if outcome.values else read(shown)
    if isinstance(answer, str):
        answer = read(answer)  # what a function returns as text is what it would have printed
    if lenient and isinstance(answer, str) and isinstance(wanted, Fraction) and (last := last_number(answer)):
        answer, extracted = read(last), last
    right = same(answer, wanted, absolute, relative)
    return judged(right, "right" if right else "another answer", extracted=extracted)


def _judge_tests(outcome: Outcome, tests: list[Test], partial: bool) -> Verdict:
    counted = [index for index, test in enumerate(tests) if test.counts]
    wrong = [(index, why) for index in counted if (why := failure(tests[index], outcome.tests.get(index)))]
    passed = len(counted) - len(wrong)
    if outcome.error is not None and not outcome.tests:
        return judged(0.0, outcome.error[:_SHOWN])
    score = passed / len(counted) if partial else float(not wrong)
    if not wrong:
        return judged(score, "right")
    index, why = wrong[0]
    why = outcome.error if why == NOT_REACHED and outcome.error else why
    reason = f"{passed} of {len(counted)} tests pass; {tests[index].text[:80]}: {why}"
    return judged(score, reason[:_SHOWN])
