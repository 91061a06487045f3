r"""Free-form mathematical answers: numbers, units, intervals, sets, tuples, matrices, equations, expressions.

The answer is found in the completion (`verifiers.answer.extract`), cleaned (`verifiers.answer.latex`), read as a
structure (`verifiers.answer.structure`) of numbers (`verifiers.answer.numbers`) and expressions, and compared with the
gold read the same way. What is numbers and words throughout is decided at once, in the caller; algebra runs in the
pool, under a deadline.

Decided, once for all:

- **Order of arguments**: prediction first, gold second, as in every verifier. They are not interchangeable: the gold
  must parse, and says what is asked for.
- **A gold that does not parse** makes the verdict `abstained`, never right and never wrong: so also where the
  prediction is the same text. Words are a gold only as one word, a known phrase (`no solution`) or inside `\text{}`.
- **A prediction without an answer**, or with one that does not parse, is wrong. An answer of more than 4,000 characters
  is wrong; of a completion its last 50,000 characters are read.
- **Tolerance**: values are compared exactly, decimals too: 5 is not 5.1 and 0.33 is not 1/3. A decimal that rounds a
  value which no decimal writes exactly stands for it from `digits` significant digits on: 2.6667 is 8/3.
- **Percent**: 28% is 0.28. It is not 28, unless `percent="optional"`.
- **Units**: may be left out on either side. Where both have one they must agree: 100 cm is 1 m, 5 cm is not 5 kg.
- What is equal to what among lists, tuples, sets and intervals: see `verifiers.algebra.equality`.
"""

from __future__ import annotations

import re

from verifiers.algebra.equality import Algebra, same
from verifiers.answer.extract import SEEN, Found, extract, extract_gold
from verifiers.answer.latex import clean
from verifiers.answer.structure import parse
from verifiers.answer.values import Unparsable, expressions
from verifiers.verdict import Verdict, abstained, judged

ISOLATED = True
DEADLINE = 0.5
HEAVY = "verifiers.algebra.symbolic"

_SHORT = 40
_SHOWN = 400
_PLAIN = re.compile(r"\s*([-+]?)(?:0*([1-9][0-9]{0,17})|0+)(\.[0-9]{1,17})?\s*")


class _NeedsAlgebra(Exception):
    """The comparison cannot be decided without sympy."""


def verify(prediction: str, gold: str, *, strict: bool = False, digits: int = 5, percent: str = "value") -> Verdict:
    r"""Judge a mathematical answer: 1 where it equals the gold, else 0.

    Args:
        prediction: the completion.
        gold: the reference: an answer, or a solution that holds one (`\boxed{}`, `#### 5`, "the answer is 5").
        strict: take an answer only from a box, an answer tag, `####` or "the answer is"; else also the last formula or
            number.
        digits: significant digits from which a rounded decimal stands for an exact value.
        percent: `value` or `optional`, see above.

    Returns:
        Judged, with the answer found in `extracted`; abstained where the gold does not parse.

    Raises:
        ValueError: an option has no such value.
    """
    outcome = fast(prediction, gold, strict=strict, digits=digits, percent=percent)
    return outcome if isinstance(outcome, Verdict) else slow(*outcome)


def fast(
    prediction: str, gold: str, *, strict: bool = False, digits: int = 5, percent: str = "value"
) -> Verdict | tuple[str, Found | None, str | None, int, str]:
    """Judge what needs no algebra; else return the arguments for `slow`. Never takes more than milliseconds."""
    if not isinstance(prediction, str):
        raise TypeError(f"the prediction is a string, not {type(prediction).__name__}")
    if not isinstance(gold, str):
        if isinstance(gold, bool) or not isinstance(gold, int | float):
            raise TypeError(f"the gold is a string or a number, not {type(gold).__name__}")
        gold = repr(gold)
    gold = gold[-SEEN:]
    if percent not in ("value", "optional"):
        raise ValueError(f"percent is 'value' or 'optional', not {percent!r}")
    if not isinstance(digits, int) or digits < 1:
        raise ValueError(f"digits is a whole number from 1 on, not {digits!r}")
    if len(prediction) <= _SHORT and not strict and (verdict := _plain_numbers(prediction, gold)) is not None:
        return verdict
    found = extract(prediction, strict=strict)
    if (
        found is not None
        and len(found.answer) <= _SHORT
        and (verdict := _plain_numbers(found.answer, gold)) is not None
    ):
        return verdict
    wanted = extract_gold(gold)
    answer = clean(found.answer) if found is not None and len(found.answer) <= 8000 else None
    try:
        return _compare(clean(wanted) if len(wanted) <= 8000 else "", answer, found, digits, percent, _refuse)
    except _NeedsAlgebra:
        return clean(wanted), found, answer, digits, percent


def slow(gold: str, found: Found | None, answer: str | None, digits: int, percent: str) -> Verdict:
    """Judge a cleaned answer against a cleaned gold with algebra. May hang: it runs in the pool."""
    from verifiers.algebra import symbolic

    def algebra(left: str, right: str, relation: bool) -> bool:
        return symbolic.equal(left, right, relation, digits=digits)

    for text in expressions(parse(gold)):
        try:
            symbolic.read(text)
        except Unparsable as error:
            return abstained(f"the gold does not parse: {error}", extracted=_shown(found))
    return _compare(gold, answer, found, digits, percent, algebra)


def _shown(found: Found | None) -> str | None:
    """What was found, cut where it is too long to show."""
    if found is None or len(found.answer) <= _SHOWN:
        return found and found.answer
    return found.answer[:_SHOWN] + "…"


def _refuse(left: str, right: str, relation: bool) -> bool:
    raise _NeedsAlgebra


def _compare(
    wanted: str, answer: str | None, found: Found | None, digits: int, percent: str, algebra: Algebra
) -> Verdict:
    """Parse and compare a cleaned gold and a cleaned answer; no answer (None) where what was found is too long."""
    extracted = _shown(found)
    try:
        gold = parse(wanted)
    except Unparsable as error:
        return abstained(f"the gold does not parse: {error}", extracted=extracted)
    if expressions(gold) and algebra is _refuse:
        raise _NeedsAlgebra
    if found is None:
        return judged(False, "no answer found")
    if answer is None:
        return judged(False, "too long to be an answer", extracted=extracted)
    try:
        value = parse(answer)
    except Unparsable as error:
        return judged(False, f"the answer does not parse: {error}", extracted=extracted)
    try:
        right = same(gold, value, algebra=algebra, digits=digits, percent=percent)
    except Unparsable as error:
        return abstained(f"the gold does not parse: {error}", extracted=extracted)
    return judged(right, "equal" if right else "not equal", extracted=extracted)


def _plain_numbers(answer: str, gold: str) -> Verdict | None:
    """The verdict on two short decimals, the case that most rows are; None where it is another."""
    left, right = _PLAIN.fullmatch(gold), _PLAIN.fullmatch(answer)
    if left is None or right is None:
        return None
    if left[3] and right[3] and len(left[3]) > 6:
        return None  # many decimals: one may round the other
    equal = (
        left[2] == right[2]
        and (left[3] or "").rstrip("0").rstrip(".") == (right[3] or "").rstrip("0").rstrip(".")
        and ((left[1] == "-") == (right[1] == "-") or (not left[2] and not (left[3] or "").strip(".0")))
    )
    return judged(equal, "equal" if equal else "not equal", extracted=answer.strip())
