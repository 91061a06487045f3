"""Compares the number that a completion gives as its answer with the gold number, within a tolerance.

`verifiers.answer.reader` finds the place in the completion that counts, and `verifiers.arithmetic.quantity` the number
in it. This verifier is fast and plain: it knows rational numbers only. For roots, variables and structures use `math`.

- **A stated answer that contains a number decides**, even if the number cannot be read (`7π`, `3 or 4`, `3^99`): then
  the answer is wrong, and no earlier number counts instead. A stated answer without any number (`the answer is clear`)
  is passed over.
- **An expression counts as its value**: `20 - 5 = 15 apples` and `20 - 5` are 15.
- **Percent**: if only one side has a percent sign, the sign may mean hundredths or be left out: `28%` is right for `28`
  and for `0.28`, and `28` is right for `28%`. If both sides have one, the numbers are compared as written.
- **Units** count if both sides have a known one: `500 cm` is `5 m`, and `5 cm` is not. Other words are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from verifiers.answer.agreement import unit_factor
from verifiers.answer.clock_words import clock_as_digits
from verifiers.answer.completion import answering_part
from verifiers.answer.reader import first_line, last_line, spans, stated
from verifiers.answer.sentence_ends import without_circumstance
from verifiers.answer.signs import with_signs
from verifiers.answer.span import Span
from verifiers.answer.word_operations import with_operations
from verifiers.arithmetic.chains import Quantity
from verifiers.arithmetic.quantity import TURNED_DOWN, clock, last_quantity, stated_quantity
from verifiers.verdict import Verdict, abstained, judged

_LIST_NUMBER = re.compile(r"[0-9]{1,3}[.):]\s+\S|[0-9]{1,3}[):]$|1\.$")
_IN_A_WORD = {"none": 0, "nothing": 0, "nil": 0, "once": 1, "twice": 2, "thrice": 3, "a pair": 2, "a couple": 2}
"""Words that are numbers where they are the whole answer."""
_NO_NUMBER = re.compile(
    r"[\s*_(\"'$\\{]*(?:text\{)?(?:that\s)?(?:undefined|indeterminate|unknown|infinit\w+|infty|impossible|dne|not\s(?:defined|possible)"
    r"|(?:it\s)?(?:can\s?not|can['’]t|could\snot)\sbe\s(?:determined|found|computed|calculated|known)"
    r"|(?:it\s)?does(?:n['’]t|\snot)\sexist|no\s(?:real\s)?(?:solutions?|answer))\b",
    re.IGNORECASE,
)
"""What a stated answer begins with that says that there is no number."""
_FACTORIAL = re.compile(r"[0-9)]\s?!\s*$")
_PLAIN = re.compile(r"\s*(?:(?P<dollars>\$)\s?)?(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*\.?\s*")


def verify(
    prediction: str, gold: str, *, strict: bool = False, absolute: float = 0.0, relative: float = 0.0
) -> Verdict:
    """Judge a number: 1 where it is within either tolerance of the gold number, else 0.

    Args:
        prediction: the completion.
        gold: the number, alone or at the end of a text.
        strict: take an answer only where it is stated (a tag, `####`, a box, "the answer is"); else also from the last
            line, or the last number.
        absolute: the answer may be this far from the gold.
        relative: it may be this fraction of the gold away from it.

    Returns:
        Judged; abstained where the gold holds no number. `extracted` is the answer as it was written.

    Raises:
        ValueError: a tolerance is negative or no number.
    """
    if not (absolute >= 0 and relative >= 0):
        raise ValueError(f"a tolerance is a number of at least 0, got absolute={absolute}, relative={relative}")
    want = gold_quantity(gold)
    if want is None:
        return abstained("the gold holds no number")
    found = answer_quantity(prediction, strict=strict)
    if found is None:
        return judged(0.0, "no number in the answer")
    quantity, rule = found
    close = same(quantity, want, absolute=Fraction(absolute), relative=Fraction(relative))
    reason = "right" if close else "not a plain number" if quantity.value is None else "another number"
    return judged(close, reason, extracted=quantity.written, rule=rule)


def answer_quantity(completion: str, *, strict: bool = False) -> tuple[Quantity, str] | None:
    """The number that a completion gives as its answer, and the rule that found it; None where there is none.

    Args:
        completion: the completion.
        strict: only where it is stated.
    """
    if len(completion) < 40 and not strict and (plain := _PLAIN.fullmatch(completion)):
        return _plain_quantity(plain), "line"
    for span in spans(completion):
        if found := _in_span(span):
            return found, span.rule
    if strict:
        return None
    part = with_signs(clock_as_digits(answering_part(completion)))
    part = TURNED_DOWN.sub(" ", part)
    for line in (last_line(part), first_line(part)):
        quantity = stated_quantity(line) if len(line) <= 400 else None
        if quantity and quantity.alone and not _LIST_NUMBER.match(line) and "answer" not in line.lower():
            return quantity, "line"
    if (word := _IN_A_WORD.get(part.strip(" .!\n").lower())) is not None:
        return Quantity(Fraction(word), part.strip(), alone=True), "line"
    quantity = last_quantity(without_circumstance(part))
    return (quantity, "last") if quantity else None


@lru_cache(maxsize=4096)
def gold_quantity(gold: str) -> Quantity | None:
    """The number of a gold: the stated one of a solution, else the last one; None where it has none."""
    if plain := _PLAIN.fullmatch(gold):
        return _plain_quantity(plain)
    part = answering_part(gold)
    found = next((quantity for span in stated(part) if (quantity := _in_span(span))), None)
    if found is None:
        whole = stated_quantity(part)
        found = whole if whole and whole.alone else last_quantity(part)
    return found if found and (found.value is not None or found.clock) else None


def _plain_quantity(match: re.Match[str]) -> Quantity:
    return Quantity(Fraction(match[2]), match[2], unit="dollar" if match["dollars"] else None, alone=True)


def same(
    found: Quantity, want: Quantity, *, absolute: Fraction = Fraction(0), relative: Fraction = Fraction(0)
) -> bool:
    """Whether a quantity is within either tolerance of the gold one, in any reading of its percent sign and units.

    Args:
        found: the answer.
        want: the gold.
        absolute: the answer may be this far from the gold.
        relative: it may be this fraction of the gold away from it.
    """
    if want.clock:
        time = found.clock or (clock(found.written) if found.value is None else None)
        return time is not None and time[:2] == want.clock[:2] and (time[2] in ("", want.clock[2]) or not want.clock[2])
    if found.value is None or want.value is None:
        return False
    tolerance = max(absolute, abs(want.value) * relative)
    return any(abs(value - want.value) <= tolerance for value in _readings(found, want))


def _readings(found: Quantity, want: Quantity) -> Iterator[Fraction]:
    """The values of an answer in the gold's unit, in each way that its percent sign may be read."""
    if found.value is None:
        return
    if found.percent or want.percent:
        yield found.value
        if found.percent != want.percent:
            yield found.value / 100 if found.percent else found.value * 100
        return
    if want.unit is None or found.unit is None:
        yield found.value
        if want.unit is None:
            yield from found.also
        return
    factor = unit_factor((found.unit, "1"), (want.unit, "1"))
    if factor is not None:
        yield found.value * factor


def _in_span(span: Span) -> Quantity | None:
    """The quantity of a stated answer, None where it holds no number."""
    if span.fault or (span.rule == "box" and _FACTORIAL.search(span.text[-40:])):
        return Quantity(None, span.text[:80])
    if span.rule == "tag":  # it may hold a solution with an answer of its own
        for inner in stated(span.text):
            if found := _in_span(inner):
                return found
        if "\n" in span.text or len(span.text) > 80:
            return last_quantity(with_signs(clock_as_digits(span.text)))
    text = with_signs(clock_as_digits(with_operations(span.text)))
    found = stated_quantity(text)
    if found is None and (word := _IN_A_WORD.get(text.strip(" .!\n").lower())) is not None:
        return Quantity(Fraction(word), text.strip(), alone=True)
    if found is None and _NO_NUMBER.match(text):
        return Quantity(None, text[:80])
    if (
        span.rule in ("cue", "tag", "hashes")
        and found
        and not found.alone
        and (shorter := without_circumstance(text)) != text.rstrip()
    ):
        return stated_quantity(shorter) or found
    return found
