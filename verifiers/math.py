r"""Free-form mathematical answers: numbers, units, intervals, sets, tuples, matrices, equations, expressions.

The answer is found in the completion (`verifiers.answer.extract`), cleaned (`verifiers.answer.latex`), parsed as a
structure (`verifiers.answer.structure`) of numbers (`verifiers.answer.numbers`) and expressions, and compared with the
gold, which is parsed in the same way. Numbers, words, arithmetic and rational functions are decided at once, in the
calling process (`verifiers.algebra.decide`); other algebra runs in the pool of workers, under a deadline.

`docs/verifiers_math.md` has the rules of equality with examples. The most important ones:

- **Order of arguments**: prediction first, gold second, as in every verifier. They are not interchangeable: the gold
  must parse, and decides what is asked for.
- **A gold that does not parse** makes the verdict `abstained`, never right or wrong, even if the prediction is the same
  text. Words are a gold only as a single word, as a known phrase (`no solution`) or inside `\text{}`.
- **A prediction without an answer**, or with one that does not parse, is wrong, and so is an answer of more than 4,000
  characters. Only the last 50,000 characters of a completion are read.
- **Rounding**: values are compared exactly, including decimals: 5 is not 5.1. A decimal of at least `digits`
  significant digits also equals a value that it rounds, if no decimal has exactly that value: 0.3333 is 1/3. Integers
  are never rounded.
- **Percent**: 28% is 0.28. It is not 28, unless `percent="optional"`.
- **Commas**: if digits and commas have two readings (`0,1`), the form of the gold decides; `decimal_comma` says that
  the golds write decimals with a comma.
- **Units** may be left out on either side. If both sides have one, they must agree: 100 cm is 1 m, 5 cm is not 5 kg.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from verifiers.algebra.decide import decide
from verifiers.algebra.decide import read as read_tree
from verifiers.algebra.decimals import PLAIN, verdict_on_decimals
from verifiers.algebra.equality import Algebra, same
from verifiers.algebra.syntax import Unsupported
from verifiers.answer.extract import SEEN, Found, extract, extract_gold
from verifiers.answer.latex import CURRENCY, clean
from verifiers.answer.phrases import bare, called, choice_label, spoken
from verifiers.answer.structure import as_gold, parse
from verifiers.answer.units import PHRASES
from verifiers.answer.values import Unparsable, Words, expressions
from verifiers.arithmetic.quantity import in_two_units
from verifiers.verdict import Verdict, abstained, judged

ISOLATED = True
DEADLINE = 0.5
HEAVY = "verifiers.algebra.symbolic"

_SHORT = 40
_SHOWN = 400
_IN_WORDS = re.compile(r"[\s$]*(?:\\(?:text[a-z]*|mbox|mathrm)\s*\{[^{}]*\}|[A-Za-z ,.'()-]+)[\s$]*")
_OF_A_PHRASE = re.compile(r"\\(?:emptyset|varnothing|infty|mathbb)(?![a-zA-Z])|∅|\\ne(?![a-zA-Z])")
"""What an answer in words may stand for: no solution, all real numbers."""
_LABELLED = re.compile(r"\s*(?:\\text\{\s*)?\(([A-H])\)\s*\}?\s*(?=\$?(?:-?[0-9.]|\\(?:d?frac|sqrt|pi|\$)))")
"""The label of a choice before its content: `(C) \\frac{1}{4}`."""
_INTEGER = re.compile(
    r"(?<![A-Za-z\\])([a-z])\s*(?:\\in\s*\\mathbb\s*\{?\s*Z|(?:\\text\{\s*)?(?:is|any|an)?\s*(?:an\s+)?integer\b)"
)
"""What says of a letter that it is any integer."""
_LETTER = re.compile(r"(?<![A-Za-z\\])[a-z](?![A-Za-z])")
_ALTERNATIVE = re.compile(r",?\s+(?:or|i\.e\.,?|that\sis,?)\s+")


class _NeedsAlgebra(Exception):
    """The comparison cannot be decided without sympy."""


class Options(NamedTuple):
    """How answers are compared; see `verify`."""

    digits: int
    percent: str
    decimal_comma: bool


def verify(
    prediction: str,
    gold: str,
    *,
    strict: bool = False,
    digits: int = 4,
    percent: str = "value",
    decimal_comma: bool = False,
) -> Verdict:
    r"""Judge a mathematical answer: 1 where it equals the gold, else 0.

    Args:
        prediction: the completion.
        gold: the reference: an answer, or a solution that holds one (`\boxed{}`, `#### 5`, "the answer is 5").
        strict: take an answer only from a box, an answer tag, `####` or "the answer is"; else also the last formula or
            number.
        digits: significant digits from which a rounded decimal stands for an exact value that is no integer.
        percent: `value` or `optional`, see above.
        decimal_comma: whether the golds write decimals with a comma, so that the gold `2,5` is 5/2 and no list.

    Returns:
        Judged, with the answer found in `extracted` and the rule that found it in `rule`; abstained where the gold does
        not parse.

    Raises:
        ValueError: an option has no such value.
    """
    outcome = fast(prediction, gold, strict=strict, digits=digits, percent=percent, decimal_comma=decimal_comma)
    return outcome if isinstance(outcome, Verdict) else slow(*outcome)


def fast(
    prediction: str,
    gold: str,
    *,
    strict: bool = False,
    digits: int = 4,
    percent: str = "value",
    decimal_comma: bool = False,
) -> Verdict | tuple[str, Found | None, str | None, Options]:
    """Judge what needs no algebra, within milliseconds.

    Args:
        prediction: as for `verify`, like all the others.
        gold: the reference.
        strict: whether an answer must be stated.
        digits: significant digits of a rounded decimal.
        percent: `value` or `optional`.
        decimal_comma: whether the golds write decimals with a comma.

    Returns:
        The verdict, or the arguments for `slow` where the answer needs algebra.

    Raises:
        TypeError: the prediction is no string, or the gold is neither a string nor a number.
        ValueError: an option has no such value.
    """
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
    if (
        len(prediction) <= _SHORT
        and not strict
        and (verdict := verdict_on_decimals(prediction, gold, "line")) is not None
    ):
        return verdict
    wanted = gold if PLAIN.fullmatch(gold) else extract_gold(gold)
    found = extract(prediction, strict=strict, words=bool(_IN_WORDS.fullmatch(wanted) or _OF_A_PHRASE.search(wanted)))
    if (
        found is not None
        and len(found.answer) <= _SHORT
        and (verdict := verdict_on_decimals(found.answer, gold, found.rule)) is not None
    ):
        return verdict
    answer = clean(found.answer) if found is not None and len(found.answer) <= 8000 else None
    options = Options(digits, percent, decimal_comma)
    wanted = clean(wanted) if len(wanted) <= 8000 else ""
    try:
        return _compare(wanted, answer, found, options, _without_sympy(digits), _readable)
    except _NeedsAlgebra:
        return wanted, found, answer, options


def slow(gold: str, found: Found | None, answer: str | None, options: Options) -> Verdict:
    """Judge an answer against a gold with algebra. It may hang, so the pool runs it under a deadline.

    Args:
        gold: the cleaned gold.
        found: where the answer was found; None where the completion has none.
        answer: the cleaned answer; None where there is none, or it is too long to read.
        options: how answers are compared.

    Returns:
        The verdict.
    """
    from verifiers.algebra import convert, symbolic

    quick = _without_sympy(options.digits)

    def algebra(left: str, right: str, relation: bool) -> bool:
        try:
            return quick(left, right, relation)
        except _NeedsAlgebra:
            return symbolic.equal(left, right, relation, digits=options.digits)

    return _compare(gold, answer, found, options, algebra, convert.read)


def _without_sympy(digits: int) -> Algebra:
    """The algebra that exact arithmetic can do; it raises where more is needed."""

    def algebra(left: str, right: str, relation: bool) -> bool:
        verdict = None if relation else decide(left, right, digits=digits)
        if verdict is None:
            raise _NeedsAlgebra
        return verdict

    return algebra


def _readable(text: str) -> None:
    """Raise `Unparsable` where an expression is none, and `_NeedsAlgebra` where only a larger grammar can tell."""
    try:
        read_tree(text)
    except Unsupported:
        raise _NeedsAlgebra from None


def _shown(found: Found | None) -> str | None:
    """What was found, cut where it is too long to show."""
    if found is None:
        return None
    answer = found.answer.replace(CURRENCY, "$")
    return answer if len(answer) <= _SHOWN else answer[:_SHOWN] + "…"


def _compare(
    wanted: str,
    answer: str | None,
    found: Found | None,
    options: Options,
    algebra: Algebra,
    read: Callable[[str], object],
) -> Verdict:
    """Parse and compare a cleaned gold and a cleaned answer; no answer (None) where what was found is too long."""
    extracted, rule = _shown(found), found.rule if found else ""

    def equal(left: str, right: str) -> bool:
        gold = as_gold(parse(left), decimal_comma=options.decimal_comma)
        return same(gold, parse(right), algebra=algebra, digits=options.digits, percent=options.percent)

    wanted, condition = bare(wanted)
    try:
        gold = as_gold(parse(wanted), decimal_comma=options.decimal_comma)
        for text in expressions(gold):
            read(text)
    except Unparsable as error:
        return abstained(f"the gold does not parse: {error}", extracted=extracted, rule=rule)
    if found is None:
        return judged(False, "no answer found")
    if answer is None or found.fault:
        return judged(False, found.fault or "too long to be an answer", extracted=extracted, rule=rule)
    if isinstance(gold, Words):
        answer = _as_words(answer, gold, found.rule)
    elif (label := _LABELLED.match(answer)) and label[1] not in wanted:
        answer = answer[label.end() :]
    answer, other_condition = bare(spoken(answer))
    answer, other_condition = _with_parameter(answer, other_condition, wanted, condition)
    try:
        value = parse(spoken(answer))
    except Unparsable as error:
        parts = _ALTERNATIVE.split(found.answer)
        several = 2 <= len(parts) <= 3 and all(_is(gold, part, algebra, options) for part in parts)
        if several or any(_is(gold, part, algebra, options) for part in in_two_units(found.answer)):
            return judged(True, "equal", extracted=extracted, rule=rule)
        if found.rule == "last" and not re.search("[0-9]", found.answer):
            return judged(False, "no answer found")
        return judged(False, f"the answer does not parse: {error}", extracted=extracted, rule=rule)
    try:
        right = same(gold, value, algebra=algebra, digits=options.digits, percent=options.percent)
        if right and _is_math(condition) and _is_math(other_condition):
            right = condition == other_condition or equal(condition, other_condition)
    except Unparsable:
        right = False
    right = right or any(_is(gold, part, algebra, options) for part in in_two_units(found.answer))
    return judged(right, "equal" if right else "not equal", extracted=extracted, rule=rule)


def _is(gold: object, part: str, algebra: Algebra, options: Options) -> bool:
    """Whether one of several forms of an answer (`3/8, or 37.5%`) equals a gold."""
    try:
        return same(gold, parse(clean(part)), algebra=algebra, digits=options.digits, percent=options.percent)
    except Unparsable:
        return False


def _with_parameter(answer: str, condition: str, wanted: str, other_condition: str) -> tuple[str, str]:
    """An answer and its condition with the gold's letter for a parameter that is any integer: `n\\pi` for `k\\pi`."""
    if not (of_gold := _INTEGER.search(other_condition)):
        return answer, condition
    if of_answer := _INTEGER.search(condition):
        letters = {of_answer[1]}
    else:
        letters = set(_LETTER.findall(answer)) - set(_LETTER.findall(wanted))
    if len(letters) != 1 or of_gold[1] in _LETTER.findall(answer):
        return answer, condition
    letter = re.compile(rf"(?<![A-Za-z\\]){letters.pop()}(?![A-Za-z])")
    return letter.sub(of_gold[1], answer), letter.sub(of_gold[1], condition)


def _is_math(condition: str) -> bool:
    """Whether a condition says something in symbols: two that do must agree."""
    return bool(re.search(r"[0-9<>=]|\\(?:le|ge|ne|in)(?![a-z])", condition))


def _as_words(answer: str, gold: Words, rule: str) -> str:
    """The words of an answer that a gold in words is compared with: a choice's letter, or the last of a sentence."""
    if len(gold.words) == 1 and (label := choice_label(answer)):
        return label
    answer = called(answer) if rule == "box" else answer
    words = re.findall(r"[A-Za-z'-]+", answer)
    count = len(gold.words.split())
    if answer.strip(" .").lower() in PHRASES:
        return answer
    if rule != "box" and len(gold.words) > 1 and len(words) > count and not re.search(r"[0-9\\]", answer):
        if re.search(r"(?i)\b(?:not|never|than|instead of)\b|n't", " ".join(words[-count - 3 : -count])):
            return answer  # `on Monday, not Tuesday`
        return "\\text{" + " ".join(words[-count:]) + "}"
    return answer
