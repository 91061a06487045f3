"""Text against text: equal after normalising, or token F1.

The normalising and F1 are SQuAD's (Rajpurkar et al. 2016, arXiv:1606.05250): lower case, no punctuation, no articles,
single spaces; F1 is the harmonic mean of precision and recall over the bags of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from verifiers.verdict import Verdict, abstained, judged

MAX_TEXT = 100_000
"""Characters of an answer that are compared; a longer one is wrong."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ANSWER = re.compile(r"####|(?:final |correct )?answer\s?(?:is|was|:|=)\s?:?", re.IGNORECASE)


def verify(
    prediction: str, gold: str, *, measure: str = "equal", normalise: bool = True, answer_only: bool = True
) -> Verdict:
    """Judge text by equality or by token F1 with the gold.

    Args:
        prediction: the completion.
        gold: the text it should be.
        measure: `equal` (1 or 0) or `f1` (in [0, 1]).
        normalise: compare without case, punctuation, articles and extra spaces; with False the text as it is, stripped.
        answer_only: where the completion says `#### …` or `the answer is …`, compare what follows on its line.

    Returns:
        Judged; abstained where nothing of the gold is left to compare.

    Raises:
        ValueError: `measure` is neither.
    """
    if measure not in ("equal", "f1"):
        raise ValueError(f"measure is 'equal' or 'f1', not {measure!r}")
    text = prediction[-2 * MAX_TEXT :] if len(prediction) > 2 * MAX_TEXT else prediction
    marked = False
    if answer_only and (marks := list(_ANSWER.finditer(text))):
        marked = True
        text = text[marks[-1].end() :].strip().split("\n", 1)[0]
    text = text.strip()
    if len(text) > MAX_TEXT:
        return judged(0.0, f"longer than {MAX_TEXT} characters")
    want = normalised(gold) if normalise else gold.strip()
    if not want:
        return abstained("the gold is empty")
    found = normalised(text) if normalise else text
    same = found == want
    if marked and not same:  # the gold itself may hold the words `answer is`
        whole = normalised(prediction[:MAX_TEXT]) if normalise else prediction[:MAX_TEXT].strip()
        if whole == want:
            found, same = whole, True
    if measure == "equal":
        return judged(same, "right" if same else "other text", extracted=text[:1000])
    return judged(f1(found, want), "token F1", extracted=text[:1000])


def normalised(text: str) -> str:
    """Lower case, letters and digits only, no articles, single spaces; NFKC first, so that full-width forms agree."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(character if character.isalnum() or character.isspace() else _gap(character) for character in text)
    without = " ".join(_ARTICLES.sub(" ", text).split())
    return without or " ".join(text.split())  # an answer that is only an article stays itself


def f1(found: str, want: str) -> float:
    """Token F1 of two normalised texts, in [0, 1]."""
    have, need = Counter(found.split()), Counter(want.split())
    common = sum((have & need).values())
    if not common:
        return 0.0
    precision, recall = common / sum(have.values()), common / sum(need.values())
    return 2 * precision * recall / (precision + recall)


def _gap(character: str) -> str:
    """What a character that is no letter, digit or space becomes: marks on letters and the minus sign matter."""
    if unicodedata.category(character) in ("Mn", "Mc", "Sm", "Sc") or character == "-":
        return character if character != "-" else " -"
    return "" if character in "'’." else " "
