"""Compares answers that are plain decimals by their digits alone, which decides most rows of most data sets."""

from __future__ import annotations

import re

from verifiers.verdict import Verdict, judged

PLAIN = re.compile(r"\s*([-+]?)(?:0*([1-9][0-9]{0,17})|0+)(\.[0-9]{1,17})?\s*")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3}){1,5}(?:\.[0-9]{1,17})?")


def verdict_on_decimals(answer: str, gold: str, rule: str) -> Verdict | None:
    """The verdict on two plain decimals; None if either is written in another way, or if one may round the other.

    Args:
        answer: the answer as it was found.
        gold: the gold.
        rule: the rule that found the answer, for the verdict.
    """
    if gold.isdigit() and answer.isdigit() and gold.isascii() and answer.isascii() and len(gold) <= 18 >= len(answer):
        equal = gold == answer or gold.lstrip("0") == answer.lstrip("0")
        return judged(equal, "equal" if equal else "not equal", extracted=answer, rule=rule)
    left = PLAIN.fullmatch(gold.replace(",", "") if "," in gold and _THOUSANDS.fullmatch(gold) else gold)
    right = PLAIN.fullmatch(answer.replace(",", "") if "," in answer and _THOUSANDS.fullmatch(answer) else answer)
    if left is None or right is None:
        return None
    if left[3] and right[3] and len(left[3]) > 6:
        return None  # many decimals: one may round the other
    equal = (
        left[2] == right[2]
        and (left[3] or "").rstrip("0").rstrip(".") == (right[3] or "").rstrip("0").rstrip(".")
        and ((left[1] == "-") == (right[1] == "-") or (not left[2] and not (left[3] or "").strip(".0")))
    )
    return judged(equal, "equal" if equal else "not equal", extracted=answer.strip(), rule=rule)
