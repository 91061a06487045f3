r"""Yes or no, true or false: the last answer that a completion states.

These places are read in the order of `verifiers.answer.reader`; the first that says yes or no decides:

1. a tag, `####` or a box: `<answer>no</answer>`, `\boxed{\text{Yes}}`;
2. the last statement: `So the answer is yes`, `**Answer:** False.`, `the statement is not correct`, `So, no, …`; a
   sentence or line that is nothing but one of the words (`No.`); or the word with which the text begins (`Yes, because
   …`);
3. the last sentence that begins with such a word and a comma (`… can they? No, whales are mammals.`); otherwise a first
   or last sentence that is nothing but a short answer (`Of course!`, `It isn't.`), or a last one that denies something
   (`It is false that …`).

`yes`, `true` and `correct` are the same answer, and so are `no`, `false` and `incorrect`; `not true` is no. A word
within a sentence is not an answer ("no lions live there").
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache

from verifiers.answer.boxes import overlong_box
from verifiers.answer.completion import answering_part
from verifiers.answer.decorations import undecorated
from verifiers.answer.reader import stated
from verifiers.answer.short_answers import letter_answer, opening, short_answer, word_answer
from verifiers.answer.word_search import lowered, places
from verifiers.verdict import Verdict, abstained, judged

TAIL = 20_000
"""Characters in which statements are looked for, from the end."""

_YES = r"yes|yeah|yep|yup|true|correct|affirmative"
_NO = r"no|nope|nah|false|incorrect|untrue"
_WORD = rf"(?P<word>(?:not\s(?=true|correct|false|incorrect))?(?:{_YES}|{_NO}))\b(?![-'’])"
_QUOTE = r"[\s*_\"'“‘(\[{✅❌✓✔✗✘☑]{0,6}"
_SURELY = (
    r"(?:(?:therefore|thus|hence|definitely|clearly|simply|probably|likely|most likely|indeed|certainly|absolutely|also"
    r"|then|a|that|logically|obviously|most definitely|an?\s\w{3,12}(?=\s[\"'“‘]?(?:yes|no)\b)|in fact|still|actually"
    r"|considered|deemed|judged|regarded as|said to be)\b,?\s*){0,3}"
)
_AT = re.compile(
    rf"{_QUOTE}(?:so|thus|hence|therefore)?[,\s]*{_SURELY}{_QUOTE}{_WORD}(?!\s+(?:\w+\s+)?(?:that|if)\b)", re.IGNORECASE
)
_LETTER = re.compile(rf"{_QUOTE}(?P<word>[ytnf])[\s.)\]}}\"'*]*", re.IGNORECASE)
_JUDGEMENT = r"(?:correct|accurate|right|valid|false|incorrect|inaccurate|wrong|untrue|invalid|true|the\scase)"
_ABOUT = (
    r"\b(?:(?:conclusion|statement|claim|assertion|proposition|hypothesis|sentence|premise)"
    r"(?:\sthat\s[^.!?\n,;:]{1,100}?|\s?:?\s?[\"“«][^\"”»\n]{1,200}[\"”»])?|verdict|result|it|that|this|which)"
)
_IS = (
    r"(?:(?P<not>(?:\s+(?:is|was)|['’]s)(?:\s(?:definitely|clearly|certainly|simply|just|probably|likely|obviously"
    r"|therefore|thus|actually|in\sfact))?\s+not|\s+(?:is|was)n['’]t|\s+(?:cannot|can['’]t|can\snot|could\snot|must\snot)\sbe)"
    r"|\s+(?:is|was|must\sbe|should\sbe|would\sbe|has\sto\sbe|can\sbe(?=\s(?:judged|considered|deemed|regarded)))|['’]s)"
)
_SO = (
    r"\b(?:so|thus|hence|therefore|overall|in\sconclusion|in\sshort|in\ssummary|to\sconclude|ultimately|consequently"
    r"|to\sanswer\s(?:the|your|this|our)\squestion|accordingly|conclusion|verdict|result|means"
    r"|(?:final|label|judge?ment|decision|prediction|classification)(?=\s?:)|actually|(?:no,?\s)?wait|correction|(?:i['’]d|would|i)\s(?:say|answer|guess|think|believe|(?:have\sto\s)?go\swith))"
)
_STATEMENT = re.compile(
    rf"(?:{_ABOUT}{_IS}\s*:?\s+{_SURELY}{_QUOTE}(?P<judged>{_JUDGEMENT}|yes|no)\b"
    rf"(?:\s(?:statement|claim|assertion|sentence|proposition|conclusion)\b)?"
    rf"(?![-'’]|\s+because\sof\b|\s+(?!(?:because|since|as|so|and|but|given|from|to)\b)[a-z]+)"
    rf"|{_SO}\s?[,:]?\s*{_QUOTE}{_SURELY}{_QUOTE}(?P<so>{_YES}|{_NO})"
    rf"(?=[\"'”’)\]]{{0,2}}(?:[,.;:!]|\s*$|\s+(?:because|since|as|to\s(?:this|that|the|your|our|it))\b|\s[-–—]\s))"
    rf"|(?:^|(?<=[.!;\n]))[\s*_\"'“(\[{{=>→•-]{{0,16}}(?P<alone>(?:not\s(?=true|correct))?(?:{_YES}|{_NO}))"
    rf"[*_\"'”)\]}}]{{0,4}}[.!]?[*_\"'”)]{{0,4}}(?=\s*(?:$|\n))"
    rf"|(?:[,:]|[-–—]|\b(?:is|are|answer|(?:i|i['’]d|we|would|must|can|to)\ssay|suggests?|indicates?|points?\sto|lean(?:ing)?\s(?:towards?|to)|bet\son|vote))\s(?P<last>{_YES}|{_NO})[\s*_\"'”).!]{{0,8}}\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?])\s|\n")
_SAID = re.compile(rf"(?:{_YES}|{_NO}|{_JUDGEMENT})\b", re.IGNORECASE)
_SAYING = (*_YES.split("|"), *_NO.split("|"), "accurate", "right", "valid", "inaccurate", "wrong", "invalid", "the")
_BEGINNINGS = (
    "accordingly", "actually", "answer", "are", "assertion", "claim", "conclusion", "consequently", "correction",
    "hence", "hypothesis", "i ", "i'd", "wait",
    "i’d", "in", "is", "it", "means", "overall", "premise", "proposition", "result", "say", "sentence", "so",
    "statement", "final", "label", "judg", "decision", "prediction", "classification", "suggest", "indicate", "point",
    "lean", "bet", "vote", "that",
    "therefore", "this", "thus", "to", "ultimately", "verdict", "we ", "which", "would", "must",
    "can",
)  # fmt: skip
"""Words that a statement may begin with; `_STATEMENT` says whether it does."""
_MARK = re.compile(r"[.!;\n]|[,:–—-]")
_FARTHEST = 320
"""Characters from where a statement begins to the word that says yes or no, at most."""
_NOT_SAID = re.compile(
    r"(?:\bnot|n['’]t|\bnever)\s+(?:\w+\s+)?(?:say|answer|guess|think|believe)\s+(?:that\s+)?(?:the\s+answer\s+is\s+)?\Z",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(
    r"(?:\b(?:whether(?:\sor\snot)?|if|unless|suppos(?:e|ing)|assum(?:e|ing)|imagine)|(?:\b(?:cannot|can\snot|could\snot|unable\sto|impossible\sto)|\b(?:can|could)n?['’]t)"
    r"\s(?:(?:be\s)?(?:say|tell|know|conclude|infer|prove|confirm|determine|sure|certain)(?:\sfor\s(?:sure|certain))?)(?:\sthat)?)"
    r"\s(?:the\s|this\s|that\s)?(?:given\s|answer\s)?\Z|(?:^|[.!?\n])\s*(?:is|was|could|might|would)\sthe\s(?:answer\s)?\Z",
    re.IGNORECASE,
)
"""What leaves open what follows it: `it is unclear whether the claim is true`, `we cannot say that it is true`."""
_DISBELIEVED = re.compile(
    r"(?:(?:\bnot|n['’]t)\s(?:think|believe|agree)|\bdoubt)\s(?:that\s)?(?:the\s|this\s)?\Z", re.IGNORECASE
)
"""What turns round what follows it: `I don't think that the claim is true`."""
_FIRST = re.compile(
    rf"{_QUOTE}{_WORD}(?=[,.;:!*)\"”\n]|\s?[-–—]\s|\s\((?=[a-z])|\s+(?:because|since|as|it|they|he|she|this|that|there|you|we|i)\b|\s*$)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    rf"(?:(?<=[.!?\n])[ \t*_\"'“(]{{1,8}}|,\s(?=\w{{2,3}},\s)|[,;]\s(?:but|and|so)\s(?=\w{{2,3}},\s))"
    rf"(?P<word>{_YES}|{_NO})(?=[,;:!.]|\s[-–—]\s)",
    re.IGNORECASE,
)
_SHORT = 40
"""Characters of a completion that is nothing but an answer, at most."""
_OPTION = re.compile(r"^\(?[a-e][.):]\s*(?=\w+\W*$)", re.IGNORECASE)
"""The label of an option: `(b) no`."""
_NOTHING = re.compile(r"(?i)\b(?:nothing|none(?:\sof\s\w+)?|nobody)\s(?:that\s\w+\s)?(?:is|are|was)?\s?\Z")
_NEITHER = re.compile(r"\bneither\b[^.!?\n]*\Z", re.IGNORECASE)
_DENIES = re.compile(
    r"(?:^|[,;]\s(?=so\b|thus\b|hence\b|therefore\b|and\s))(?:and\s)?(?:(?:so|thus|hence|therefore|overall),?\s)?(?:it\sis|it['’]s)\s(?:not\s(?:true|correct|the\scase)|false|incorrect|untrue)\sthat\s",
    re.IGNORECASE,
)
_WRONG_TO_DENY = re.compile(
    r"\sto\s(?:say|claim|think|assume|believe|state|suggest|conclude)\b[^.!?\n]{0,120}?(?:\b(?:not|never|no)\b|n['’]t\b)",
    re.IGNORECASE,
)
"""What a wrong claim denies: `it is wrong to say that he could not`."""
_ASKED = re.compile(r"(?i)(?:\A|(?<=[\s*]))(?:true\s?(?:or|/)\s?false|yes\s?(?:or|/)\s?no)\s?[?:]\s*")
"""The question, repeated before its answer."""
_BOTH = re.compile(r"[\"'”]?\s*(?:or|and|/)\s*[\"'“]?(?:yes|no|true|false|incorrect|not)\b", re.IGNORECASE)
_BUT = re.compile(r"(?i)^not\s[\"'“]?(?:yes|no|true|false)\b[^.\n]{0,10}?\bbut\s(?:rather\s)?")
"""What is turned down before the answer: `not yes, but no`."""
_LATEX = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|boxed|operatorname)(?![a-zA-Z])\s*|\\[()\[\]]|[$]")
_NEGATIVE = re.compile(rf"(?:{_NO}|inaccurate|wrong|invalid|n|f)$", re.IGNORECASE)


def verify(prediction: str, gold: str, *, strict: bool = False, ambiguous: str = "wrong") -> Verdict:
    """Judge a yes/no answer: 1 where the last stated answer is the gold's, else 0.

    Args:
        prediction: the completion.
        gold: `yes`, `no`, `true` or `false` in any case; a truth value is taken as well.
        strict: take an answer only from a tag, `####`, a box or "the answer is".
        ambiguous: an answer that says both (`yes or no`), or none that can be told: `wrong` (score 0) or `abstain`.

    Returns:
        Judged; abstained where the gold is neither yes nor no. `extracted` is `yes` or `no`.

    Raises:
        ValueError: `ambiguous` is neither.
    """
    if ambiguous not in ("wrong", "abstain"):
        raise ValueError(f"ambiguous: expected 'wrong' or 'abstain', got {ambiguous!r}")
    want = _of_gold(str(gold))
    if want is None:
        return abstained("the gold is neither yes nor no")
    found, rule = answer(prediction, strict=strict)
    if found is None:
        reason = "no yes or no that can be told"
        return abstained(reason, rule=rule) if ambiguous == "abstain" else judged(0.0, reason, rule=rule)
    reason = "right" if found == want else "the other answer"
    return judged(found == want, reason, extracted="yes" if found else "no", rule=rule)


@lru_cache(maxsize=1024)
def _of_gold(gold: str) -> bool | None:
    return answer(gold)[0]


def answer(completion: str, *, strict: bool = False) -> tuple[bool | None, str | None]:
    """The last answer that a completion states, and the rule that found it; None where there is none, or both at once.

    Args:
        completion: the completion.
        strict: only from a tag, `####`, a box or "the answer is".
    """
    part = answering_part(completion)
    if overlong := overlong_box(completion, part):
        return None, overlong.rule
    part = _ASKED.sub("", part)
    if len(part) <= _SHORT:
        part = _OPTION.sub("", undecorated(part))
        if not strict and (alone := word_answer(part)) is not None:
            return alone, "line"
    places: list[tuple[int, str, bool | None]] = []
    for span in stated(part):
        if span.fault:
            return None, span.rule
        said = _said(span.text, span.rule)
        if said is None:
            continue
        if span.rule != "cue":
            return said[0], span.rule
        places.append((span.start, "cue", said[0]))
    if not strict:
        offset = max(0, len(part) - TAIL)
        places += [(offset + at, "cue" if cue else "line", value) for at, cue, value in _statements(part[offset:])]
    if places:
        _, rule, value = max(places, key=lambda place: place[0])
        return value, rule
    if strict:
        return None, None
    text = part[-TAIL:].strip()
    if sentences := list(_SENTENCE.finditer(text)):
        return _value(sentences[-1], "word"), "last"
    return _last(text)


def _last(text: str) -> tuple[bool | None, str | None]:
    """What a text says that is one letter or begins or ends with a short answer, or whose last sentence denies."""
    if (letter := letter_answer(text)) is not None:
        return letter, "line"
    sentences = [sentence.strip() for sentence in _SENTENCE_BREAK.split(text[-2000:]) if sentence.strip()]
    if not sentences:
        return None, None
    said = opening(sentences[0])
    for sentence in (text[:200], sentences[0], sentences[-1]):
        said = short_answer(sentence) if said is None else said
    if said is None and _DENIES.search(sentences[-1][-400:]):
        said = False
    return said, None if said is None else "last"


def _said(text: str, rule: str) -> tuple[bool | None] | None:
    """What a stated answer says, None inside for both at once; None where it says neither."""
    text = _LATEX.sub(" ", text[:2000]).strip()
    if rule == "box" and " ; " in text:  # several boxes
        each = {said[0] for one in text.split(" ; ") if (said := _said(one, rule)) is not None}
        if len(each) > 1:
            return (None,)
    if rule == "tag":
        for span in stated(text):
            if said := _said(span.text, span.rule):
                return said
        text = text.rpartition("\n")[2]
    if (alone := word_answer(text)) is not None:
        return (alone,)
    text = _BUT.sub("", _OPTION.sub("", text), count=1)
    if match := _LETTER.fullmatch(text) or _AT.match(text):
        return (_value(match, "word"),)
    found = list(_statements(text))
    return (found[-1][2],) if found else None


def _statements(text: str) -> list[tuple[int, bool, bool | None]]:
    """Where a text says yes or no, whether in a phrase that states it, and what it says."""
    text = _LATEX.sub(lambda match: " " * len(match[0]), text) if "\\" in text or "$" in text else text
    found: list[tuple[int, bool, bool | None]] = []
    if first := _FIRST.match(text.lstrip()[:200]):
        found.append((0, False, _value(first, "word")))
    for match in _found(text):
        group = next(name for name in ("judged", "so", "alone", "last") if match[name])
        if group in ("so", "last") and _NOT_SAID.search(text, max(0, match.start() - 50), match.start(group)):
            continue
        begin = max(0, match.start() - 50)
        if group == "last" and _NOTHING.search(text, begin, match.start(group)):
            continue
        if group == "last" and _NEITHER.search(text, begin, match.start(group)):
            found.append((match.start(group), False, not _value(match, group)))
            continue
        if first and match[0].lower().startswith("which"):
            continue  # `No: all dogs are animals, which is true`
        if group in ("judged", "last") and _UNDECIDED.search(text, begin, match.start()):
            continue
        value = _value(match, group)
        if value is False and group == "judged" and _WRONG_TO_DENY.match(text, match.end(group)):
            value = True
        if value is not None and group == "judged" and _DISBELIEVED.search(text, begin, match.start()):
            value = not value
        if value is not None and match["not"]:
            value = not value
        found.append((match.start(group), group in ("judged", "so"), value))
    return found


def _found(text: str) -> Iterator[re.Match[str]]:
    """The statements of a text in order, none of which overlap.

    Statements are looked for where a word says yes or no not far behind, since few places of a text are such.
    """
    low = lowered(text)
    said = [at for at in places(low, _SAYING) if _SAID.match(text, at)]
    if not said:
        return
    first, last = max(0, said[0] - _FARTHEST), said[-1] + 1
    marks = [mark.end() if mark[0] in ".!;\n" else mark.start() for mark in _MARK.finditer(text, first, last)]
    begins = sorted({first, *marks, *(first + at for at in places(low[first:last], _BEGINNINGS))})
    end = 0
    for word in said:
        for begin in begins[bisect_left(begins, max(end, word - _FARTHEST)) : bisect_right(begins, word)]:
            if begin >= end and (match := _STATEMENT.match(text, begin)):
                end = match.end()
                yield match
        end = max(end, word)


def _value(match: re.Match[str], group: str) -> bool | None:
    """What a word says; None where the other one is offered beside it."""
    if _BOTH.match(match.string, match.end(group)) or re.search(
        r"(?i)\b(?:yes|no|true|false)\s*(?:or|/)\s*$",
        match.string[max(0, match.start(group) - 12) : match.start(group)],
    ):
        return None
    word = match[group]
    denied = word.lower().startswith("not ")
    return (_NEGATIVE.search(word.rpartition(" ")[2]) is None) != denied
