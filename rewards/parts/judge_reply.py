"""The score in a judge's reply."""

from __future__ import annotations

import json
import re
from typing import Any

from verifiers.answer.completion import spoken

OBJECTS = 200
"""Number of places, the last ones in a reply, that are tried as the beginning of a JSON object."""
_SCORE = re.compile(r'"score"\s*:')
_OBJECT = re.compile(r'\{\s*"')
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_AFTER = re.compile(r"[\s`~*.!)]*(?:</?\|?[a-z_]+\|?>\s*)?")
"""Text that may follow the score: the end of a code block or of a sentence, and a tag or token that closes the turn."""


def score_in(reply: str) -> float:
    """The score in the JSON object at the end of a reply, or the reply itself if it is a number.

    Thinking is skipped, because a score in it is a draft. A reply that gives two different scores, or continues after
    its score, is undecided.

    Raises:
        ValueError: there is no score, there are several, or text follows the score.
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
        raise ValueError(f"the judge's reply continues after its score: {after[:100]!r}")
    return numbers[0]


def _scores(text: str) -> tuple[list[Any], str]:
    """Every value of `score` in the JSON objects of a text, in order, and the text after the last such object.

    Raises:
        ValueError: there are too many objects to parse all of them, and one of the others may give a score.
    """
    found: list[Any] = []
    after, done = "", 0
    places = [match.start() for match in _OBJECT.finditer(text)]
    if len(places) > OBJECTS and _SCORE.search(text, 0, places[-OBJECTS]):
        raise ValueError(f"more than one score in the judge's reply, or one before its last {OBJECTS} objects")
    for place in places[-OBJECTS:]:
        if place < done:
            continue  # inside the previous object
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
    """A decoder that appends the scores of each object to `given`, those of the outermost object last."""

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
