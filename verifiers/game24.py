"""The game of 24: an expression that uses all four numbers once and comes to 24; `countdown` with a fixed target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifiers import countdown
from verifiers.verdict import Verdict


def verify(prediction: str, gold: str, *, numbers: str | Sequence[Any], strict: bool = False) -> Verdict:
    """Judge an expression: 1 where it uses each given number exactly once and comes to 24, else 0.

    Args:
        prediction: the completion; see `countdown.verify` for what is read.
        gold: not read: the target is 24.
        numbers: the numbers given, four as a rule: a list, or a text such as `4 7 8 8`.
        strict: take an expression only from a place where an answer is stated.

    Returns:
        Judged, with the expression in `extracted` and the rule that found it in `rule`; abstained where `numbers` does
        not read.
    """
    return countdown.verify(prediction, "24", numbers=numbers, strict=strict, use="all")


def gold_prediction(gold: str, *, numbers: str | Sequence[Any]) -> str:
    """An expression that comes to 24.

    Raises:
        ValueError: there is none.
    """
    return countdown.gold_prediction("24", numbers=numbers, use="all")
