r"""Compares two policies on the same problems: McNemar's test and the paired bootstrap, by two readings of an answer.

An answer is read twice. The *lenient* reading is the verifier's own: it takes an answer wherever it finds one. The
*strict* reading takes only an answer in the form that was asked for, such as a box or "the answer is". With the shares
$l$ and $s$ of right answers by these readings, training gains

$$\underbrace{s_1 - s_0}_{\text{in the form}} = \underbrace{l_1 - l_0}_{\text{reasoning}} +
\underbrace{(l_0 - s_0) - (l_1 - s_1)}_{\text{format}}$$

so what a strict grader takes for better reasoning may be answers that were right before and can only now be read.

McNemar's exact test (McNemar 1947) asks whether as many problems were gained as lost: of $b + c$ problems that differ,
the number lost is binomial with probability 1/2 if the policies are equally good. The intervals resample problems, both
answers to a problem together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rl.analysis.intervals import Interval, bootstrap, wilson

STATED = ("tag", "hashes", "box", "cue")
"""The rules that find an explicitly stated answer (`verifiers.answer.reader`)."""
RULES = (*STATED, "line", "last")
"""All rules."""


class Reading(NamedTuple):
    """How a judged answer was read.

    Attributes:
        right: whether it is right by the lenient reading.
        in_form: whether it is right and in the form that was asked for.
    """

    right: bool
    in_form: bool


@dataclass(frozen=True)
class Comparison:
    """One policy, `after`, against another, `before`, on N problems that both were judged on.

    Attributes:
        n: the number N of these problems.
        not_judged: problems that are left out, because the verifier abstained or failed on an answer.
        gain: the difference of the shares right by the lenient reading, which is the gain in reasoning.
        gain_in_form: the difference by the strict reading.
        gain_in_format: the part of `gain_in_form` that is not reasoning.
        unread: share of the earlier answers that were right but not in the form.
        gained: problems that were wrong and are now right, by the lenient reading.
        lost: problems that were right and are now wrong.
        p: McNemar's two-sided p-value of these two.
        gained_in_form: problems that are newly right by the strict reading.
        lost_in_form: problems that are no longer right by it.
        p_in_form: McNemar's p-value of these two.
        was_right: of `gained_in_form`, the problems that were right before in another form.
    """

    n: int
    not_judged: int
    gain: Interval | None
    gain_in_form: Interval | None
    gain_in_format: Interval | None
    unread: Interval | None
    gained: int
    lost: int
    p: float
    gained_in_form: int
    lost_in_form: int
    p_in_form: float
    was_right: int

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON, with intervals as in `Interval.as_dict`."""
        figures = {name: getattr(self, name) for name in asdict(self)}
        return {name: value.as_dict() if isinstance(value, Interval) else value for name, value in figures.items()}


def reading(right: bool | None, rule: str | None, form: Sequence[str] = STATED) -> Reading | None:
    """How an answer was read; None if it was not judged.

    Args:
        right: whether it is right; None if the verifier abstained or failed.
        rule: the rule that found it (`verifiers.Verdict.rule`). Without one the verifier reads a single form, so a
            right answer is in it.
        form: the rules that find an answer in the form that was asked for.
    """
    return None if right is None else Reading(right, right and (rule is None or rule in form))


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p-value of McNemar's exact test.

    Args:
        gained: problems that only the second policy got right.
        lost: problems that only the first got right.
    """
    differ = gained + lost
    tail = sum(math.comb(differ, fewer) for fewer in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**differ)


def compare(before: Sequence[Reading | None], after: Sequence[Reading | None]) -> Comparison:
    """Compare the answers of two policies, problem by problem.

    Args:
        before: the answers of one policy.
        after: the answers of the other to the same problems in the same order.

    Raises:
        ValueError: the two have different lengths.
    """
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old is not None and new is not None]
    gained, lost = changed([(old.right, new.right) for old, new in pairs])
    gained_in_form, lost_in_form = changed([(old.in_form, new.in_form) for old, new in pairs])
    return Comparison(
        n=len(pairs),
        not_judged=len(before) - len(pairs),
        gain=bootstrap([float(new.right) - old.right for old, new in pairs]),
        gain_in_form=bootstrap([float(new.in_form) - old.in_form for old, new in pairs]),
        gain_in_format=bootstrap([float(_unread(old)) - _unread(new) for old, new in pairs]),
        unread=wilson(sum(_unread(old) for old, _ in pairs), len(pairs)),
        gained=gained,
        lost=lost,
        p=mcnemar(gained, lost),
        gained_in_form=gained_in_form,
        lost_in_form=lost_in_form,
        p_in_form=mcnemar(gained_in_form, lost_in_form),
        was_right=sum(_unread(old) and new.in_form for old, new in pairs),
    )


def difference(before: Sequence[float | None], after: Sequence[float | None]) -> Interval | None:
    """The mean difference of two policies over problems, such as of mean@k, with its paired bootstrap interval.

    Args:
        before: one number per problem; None if nothing could be judged.
        after: the numbers of the other policy for the same problems.

    Raises:
        ValueError: the two have different lengths.
    """
    pairs = zip(before, after, strict=True)
    return bootstrap([new - old for old, new in pairs if old is not None and new is not None])


def _unread(one: Reading) -> bool:
    return one.right and not one.in_form


def changed(pairs: Sequence[tuple[bool, bool]]) -> tuple[int, int]:
    """The number of problems gained and lost, which `mcnemar` compares.

    Args:
        pairs: for each problem, whether it was right before, and whether it is right after.
    """
    return sum(new and not old for old, new in pairs), sum(old and not new for old, new in pairs)
