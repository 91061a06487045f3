"""The score in a judge's reply."""

from __future__ import annotations

import json
import re
from typing import Any

from verifiers.answer.completion import spoken

OBJECTS = 200
"""Places that are tried as the beginning of a JSON object, the last ones of a reply."""
_SCORE = re.compile(r'"score"\s*:')
_OBJECT = re.compile(r'\{\s*"')
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_AFTER = re.compile(r"[\s`~*.!)]*(?:</?\|?[a-z_]+\|?>\s*)?")
"""What may follow the score: the end of a code block or of a sentence, and a tag or token that closes the turn."""


def score_in(reply: str) -> float:
    """The score that a reply ends with, in a JSON object, or the reply itself where it is a number.

    Thinking is left out, so a score in it is a draft. Every score that is given counts: a reply that gives two
    different ones, or goes on after its score, has not decided.

    Raises:
        ValueError: there is no score, or more than one.
    """
    start, end = spoken(reply)
    text = reply[start:end].strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    scores, after = _scores(text)
    numbers = [_as_number(score, reply) for score in scores]
    if not numbers:
        raise ValueError(f"no score in the judge's reply {reply[:200]!r}")
    if len(set(numbers)) > 1:
        raise ValueError(
            f"more than one score in the judge's reply, {numbers[0]:g} and {numbers[1]:g}: {reply[:200]!r}"
        )
    if not _AFTER.fullmatch(after):
        raise ValueError(f"the judge's reply goes on after its score: {after[:100]!r}")
    return numbers[0]


def _scores(text: str) -> tuple[list[Any], str]:
    """Every value that a JSON object in a text gives for `score`, in order, and what follows the last such object.

    Raises:
        ValueError: there are too many objects to look into all of them, and one of the others may give a score.
    """
    found: list[Any] = []
    after, done = "", 0
    places = [match.start() for match in _OBJECT.finditer(text)]
    if len(places) > OBJECTS and _SCORE.search(text, 0, places[-OBJECTS]):
        raise ValueError(f"more than one score in the judge's reply, or one before its last {OBJECTS} objects")
    for place in places[-OBJECTS:]:
        if place < done:
            continue  # inside of the object before
        given: list[Any] = []
        try:
            value, done = _decoder(given).raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        if "score" in value:
            found += given
            after = text[done:]
    return found, after


def _decoder(given: list[Any]) -> json.JSONDecoder:
    """A decoder that notes the scores of each object in `given`, which ends with those of the outermost."""

    def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        given[:] = [value for key, value in pairs if key == "score"]
        return dict(pairs)

    return json.JSONDecoder(object_pairs_hook=noted, parse_int=float)


def _as_number(score: Any, reply: str) -> float:
    if isinstance(score, str) and _NUMBER.fullmatch(score.strip()):
        score = float(score)
    if not isinstance(score, float):
        raise ValueError(f"no score in the judge's reply {reply[:200]!r}")
    return score
