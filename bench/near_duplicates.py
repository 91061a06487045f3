"""Questions that are nearly the same: they share most of their words, whatever their numbers are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

ALIKE = 0.7
"""Least Jaccard index of the sets of words of two near-duplicates."""


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, without numbers and punctuation."""
    return frozenset(re.findall(r"[^\W\d_]+", text.lower()))


def near_duplicates(questions: Sequence[str], of: Sequence[str], alike: float = ALIKE) -> np.ndarray:
    """Which questions are near-duplicates of which others.

    Args:
        questions: N texts.
        of: M texts.
        alike: least Jaccard index of two sets of words, in (0, 1].

    Returns:
        Booleans of shape (N, M). Texts without a word are near-duplicates of each other.
    """
    one, other = [[words_of(text) for text in texts] for texts in (questions, of)]
    places = {word: place for place, word in enumerate(sorted(frozenset().union(*one, *other)))}

    def bags(texts: Sequence[frozenset[str]]) -> np.ndarray:
        found = np.zeros((len(texts), len(places)), dtype=np.float32)
        for row, words in zip(found, texts, strict=True):
            row[[places[word] for word in words]] = 1
        return found

    one_NV, other_MV = bags(one), bags(other)
    shared_NM = one_NV @ other_MV.T
    united_NM = one_NV.sum(1)[:, None] + other_MV.sum(1)[None] - shared_NM
    return shared_NM >= alike * united_NM - 1e-4  # the sums are whole numbers


def families(questions: Sequence[str], alike: float = ALIKE) -> list[str]:
    """The family of each question: near-duplicates, their near-duplicates, and so on.

    Args:
        questions: N texts.
        alike: least Jaccard index of two sets of words, in (0, 1].

    Returns:
        For each question the least text of its family, by which the family is known.
    """
    pairs_NN = near_duplicates(questions, questions, alike)
    found: list[str | None] = [None] * len(questions)
    for start in range(len(questions)):
        if found[start] is not None:
            continue
        members, new = {start}, [start]
        while new:
            near = {int(place) for place in np.flatnonzero(pairs_NN[new.pop()])} - members
            members |= near
            new += near
        name = min(questions[member] for member in members)
        for member in members:
            found[member] = name
    return [name for name in found if name is not None]
