"""Reads choices by their place in the list (`option 3`, `the last one`), and lists that judge every choice in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verifiers.answer.choice_texts import any_of
from verifiers.answer.words import ORDINAL, SMALL

_CARDINALS = {word: number for word, number in SMALL.items() if 1 <= number <= 10}
_ORDINALS = {word: number for word, number in ORDINAL.items() if number <= 10}
_PLACE = re.compile(
    r"[\s\"'“*(]*(?:(?:so|thus|hence|therefore|it\sis|it['’]s|i\s(?:choose|pick|select))[,\s]+)?(?:the\s)?"
    rf"(?:(?:option|choice|answer|number|no\.?)\s*(?:number\s|no\.?\s|\#)?\s*(?P<called>[1-9]|10|{'|'.join(_CARDINALS)})"
    r"|\#?(?P<digit>[1-9]|10)"
    rf"|(?P<ordinal>{'|'.join(_ORDINALS)}|[1-9](?:st|nd|rd|th)|last)(?:\s(?:option|choice|one|answer))?)"
    r"[\s.!\"'”*)]*",
    re.IGNORECASE,
)
_RIGHT = r"yes|true|correct|right|[✅✓✔☑]"
_WRONG = r"no|false|incorrect|wrong|[❌✗✘✖×]"
_JUDGEMENT = re.compile(rf"\s*(?:{_RIGHT}|{_WRONG})\s*\.?\s*", re.IGNORECASE)


class PlaceReader:
    """Which choice a text names by its place, where labels and texts have no numbers of their own.

    Args:
        labels: the choices' labels.
        texts: their texts, in the same order.
    """

    def __init__(self, labels: Sequence[str], texts: Sequence[str]) -> None:
        words = {word for text in texts for word in re.findall(r"[a-z0-9]+", text.lower())}
        numbered = words & {*_CARDINALS, *_ORDINALS, "last"} or any(word[0].isdigit() for word in words)
        self.count = len(labels) if all(label.isalpha() for label in labels) and not numbered else 0

    def at(self, text: str) -> set[int]:
        """The choice that a text is the place of; empty where it is anything else.

        Args:
            text: a line or a stated answer.
        """
        match = _PLACE.fullmatch(text[:80]) if self.count else None
        if match is None:
            return set()
        said = (match["called"] or match["digit"] or match["ordinal"]).lower()
        if said == "last":
            return {self.count - 1}
        place = _CARDINALS.get(said) or _ORDINALS.get(said) or int(re.sub("[a-z]", "", said))
        return {place - 1} if place <= self.count else set()


class JudgedListReader:
    """The one choice that is right in a list which judges every choice: `A: no. B: yes. C: no.`

    Args:
        labels: the choices' labels.
        texts: their texts, in the same order.
    """

    def __init__(self, labels: Sequence[str], texts: Sequence[str]) -> None:
        self.judging = any(_JUDGEMENT.fullmatch(text) for text in texts)
        self.index = {label.lower(): index for index, label in enumerate(labels)}
        any_label = any_of(labels)
        self.judged = re.compile(
            rf"(?<![\w'’])[(\[*\"]{{0,3}}({any_label})[)\]*\"]{{0,3}}\s?[:.=–—-]?\s{{0,2}}(?:is\s)?"
            rf"(?:(?P<right>{_RIGHT})|(?P<wrong>{_WRONG}))(?!\w)",
            re.IGNORECASE,
        )

    def right(self, text: str) -> set[int]:
        """The right choice, where every choice is judged and one of them is right; else nothing.

        Args:
            text: an answering part.
        """
        if self.judging:  # the list writes out the choices
            return set()
        judgements = {self.index[match[1].lower()]: bool(match["right"]) for match in self.judged.finditer(text)}
        right = {index for index, said in judgements.items() if said}
        return right if len(judgements) == len(self.index) > 1 and len(right) == 1 else set()
