"""From what the sandbox reports of a program to a verdict. No code of the program runs here."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from verifiers.execution.comparison import last_number, read, same
from verifiers.execution.sandbox import Outcome
from verifiers.execution.sandbox.values import as_text
from verifiers.execution.suite import NOT_REACHED, Suite, failure
from verifiers.verdict import Verdict, judged

SHOWN = 200
"""Characters of an answer or a reason that a verdict keeps."""


def verdict_on_answer(outcome: Outcome, gold: str, absolute: float, relative: float, lenient: bool) -> Verdict:
    """The verdict on a program by the answer it gave.

    Args:
        outcome: what the sandbox reports of the program.
        gold: the answer.
        absolute: a number may be this far from the gold.
        relative: it may be this fraction of the gold away from it.
        lenient: where the gold is a number and the answer is text, whether the last number in the text is the answer.
    """
    lines = [line for line in outcome.printed.splitlines() if line.strip()]
    shown = as_text(outcome.values[0]) if outcome.values else lines[-1].strip() if lines else None
    extracted = shown[:SHOWN] if shown is not None else None
    if outcome.error is not None:
        return judged(0.0, outcome.error[:SHOWN], extracted=extracted)
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


def verdict_on_tests(
    suite: Suite, results: Mapping[int, Mapping[str, Any]], error: str | None, partial: bool
) -> Verdict:
    """The verdict on a program by its tests.

    Args:
        suite: the tests.
        results: index of a test → what the sandbox reports of it; a test that was not reached is missing.
        error: what ended the program, or None.
        partial: whether the score is the share of tests that pass.
    """
    tests = suite.tests
    counted = [index for index, test in enumerate(tests) if test.counts]
    wrong = [(index, why) for index in counted if (why := failure(tests[index], results.get(index)))]
    passed = len(counted) - len(wrong)
    if error is not None and not results:
        return judged(0.0, error[:SHOWN])
    score = passed / len(counted) if partial else float(not wrong)
    if not wrong:
        return judged(score, "right")
    index, why = wrong[0]
    why = error if why == NOT_REACHED and error else why
    reason = f"{passed} of {len(counted)} tests pass; {tests[index].text[:80]}: {why}"
    return judged(score, reason[:SHOWN])
