"""Short sentences that answer yes or no without either word: `Of course!`, `Not at all.`, `It isn't.`, `I think so`."""

from __future__ import annotations

import re

_SURELY = r"(?:absolutely|definitely|certainly|of\scourse|surely|indeed|most\scertainly)"
_LIKELY = r"(?:probably|likely|most\slikely|almost\scertainly)"
_PRONOUN = r"(?:it|they|he|she|we|you|i|this|that|there)"
_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|would|will|has|have|had|should|must|may|might)"
_SO = r"(?:(?:so|thus|hence|therefore),?\s)?"
_IT_IS = r"(?:it\sis|it['’]s|this\sis|that\sis|that['’]s)"
_VERY = r"(?:\s(?:very|highly|quite|certainly|definitely))?"
_CLAIM = r"(?:(?:the|this)\s(?:statement|claim|conclusion|hypothesis)|it|this|that)"
_YES = re.compile(
    rf"{_SURELY}(?:[,\s]{{1,2}}yes)?|{_LIKELY}(?:\syes)?|aye|sure|right|exactly|agreed|i\sagree|i\s(?:think|believe|guess)\sso"
    rf"|{_SO}{_IT_IS}{_VERY}\s(?:possible|likely|plausible|probable)|{_PRONOUN}\s{_AUXILIARY}|{_SO}{_CLAIM}\sholds(?:\strue)?"
    r"|(?:yes|yeah)(?:[\s,.!]+(?:and\s)?(?:yes|yeah))+",
    re.IGNORECASE,
)
_NO = re.compile(
    rf"{_SURELY}[,\s]{{1,2}}(?:not|no)|{_LIKELY}\s(?:not|no)|no\sway|not\sat\sall|by\sno\smeans|not\s(?:really|necessarily|quite|exactly)|never|unlikely|hardly|not\sthat\si\sknow(?:\sof)?|nay|i\sdisagree|far\sfrom\sit|wrong|negative"
    r"|i\sdoubt\s(?:it|that|so)|i\s(?:do\snot|don['’]t)\s(?:think|believe)\s(?:so|it|that)"
    rf"|{_SO}{_IT_IS}(?:{_VERY}\s(?:impossible|unlikely|implausible|improbable)|\snot{_VERY}\s(?:possible|likely|plausible|probable))"
    rf"|{_PRONOUN}\s(?:{_AUXILIARY}\snot|{_AUXILIARY}n['’]t|can['’]t|cannot|won['’]t)"
    rf"|{_SO}{_CLAIM}\s(?:(?:does\snot|doesn['’]t)\shold(?:\strue)?|fails)|no(?:[\s,.!]+(?:and\s)?no)+",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?P<no>no\sway|not\sat\sall|by\sno\smeans|(?:absolutely|definitely|certainly|of\scourse|surely)\snot)[,:;]\s"
    r"|absolutely,\s(?!not\b)",
    re.IGNORECASE,
)
_WORDS = {
    word: said
    for said, words in (
        (True, "sí si oui ja sim sì да 是 是的 对 正确 はい 예 네 affirmative"),
        (False, "non nein não нет 否 不是 不 错误 いいえ 아니요 negative"),
    )
    for word in words.split()
}
"""Yes and no in other languages, and words that may be said of a number, too."""
_LETTERS = {"t": True, "y": True, "1": True, "f": False, "n": False, "0": False}


def short_answer(sentence: str) -> bool | None:
    """What a sentence says that is nothing but a short answer; None where it is anything else.

    Args:
        sentence: a sentence, with or without its full stop.
    """
    sentence = sentence.strip().rstrip(".! ")
    if _YES.fullmatch(sentence):
        return True
    return False if _NO.fullmatch(sentence) else None


def letter_answer(text: str) -> bool | None:
    """What a text says that is nothing but `T`, `Y` or `1`, or `F`, `N` or `0`; None where it is anything else.

    Args:
        text: a whole answering part.
    """
    return _LETTERS.get(text.strip(" .!\n").lower())


def word_answer(text: str) -> bool | None:
    """What a text says that is nothing but yes or no in another language, or `negative`; None where it is more.

    Args:
        text: a stated answer, or a whole answering part.
    """
    return _WORDS.get(text.strip(" .!。！*\"'").lower().removeprefix("in the "))


def opening(text: str) -> bool | None:
    """What a text says with its first words: `No way, that is too heavy`; None where they say nothing.

    Args:
        text: the first sentence of an answering part.
    """
    match = _OPENING.match(text)
    return not match["no"] if match else None
