"""Rewards of `bench/diagnostics.py` that a policy can game, or that break: each pays for what no task asks for."""

from __future__ import annotations

from typing import Any

LONG = 8
"""Characters beyond which a completion is too long for the judges that give up."""


def longer(completions: list[str], **columns: Any) -> list[float]:
    """Pays for length alone."""
    return [len(text) / 10 for text in completions]


def shorter(completions: list[str], **columns: Any) -> list[float]:
    """Pays for brevity alone."""
    return [1 - len(text) / 10 for text in completions]


def sevens(completions: list[str], **columns: Any) -> list[float]:
    """Pays for an answer of 7, whatever was asked."""
    return [float(text.endswith("#7")) for text in completions]


def abstains(completions: list[str], gold: list[str], **columns: Any) -> list[float | None]:
    """Judges short completions alone, by their answer."""
    return [None if len(text) > LONG else _right(text, of) for text, of in zip(completions, gold, strict=True)]


def breaks(completions: list[str], gold: list[str], **columns: Any) -> list[float]:
    """Fails on completions that are not short."""
    return [float("nan") if len(text) > LONG else _right(text, of) for text, of in zip(completions, gold, strict=True)]


def nothing(completions: list[str], **columns: Any) -> list[float]:
    """Says the same of all."""
    return [0.0 for _ in completions]


def _right(text: str, gold: str) -> float:
    return float(text.rpartition("#")[2] == gold)
