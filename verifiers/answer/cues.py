"""Finds what says that an answer follows, or stood before: `the answer is …`, `**Answer:** …`, `{"answer": …}`."""

from __future__ import annotations

import re

from verifiers.answer.span import MAX_SPAN, MOST
from verifiers.answer.word_search import lowered, places

CUE = re.compile(
    r"(?:(?P<final>\bfinal[ \t]+(?:answer|result|value|solution))|\b(?:answers?|ans\b\.?))"
    r"(?:[ \t]*\([^()\n]{0,40}\))?"
    r"(?:[ \t]+(?:to|of|for|in|from|with|choice|option|here|therefore|then)\b[^.\n:=!]{0,120}?)?"
    r"[\"']?(?:\s*(?:[:=：]>?|->|→|\]:?(?=[ \t]))[ \t]*(?:is\b)?|[ \t]*\|[ \t]+|['’]s[ \t]+"
    r"|[ \t]+(?:is|are|was|were|equals|becomes|comes to|to be)\b[ \t]*:?"
    r"|(?:[ \t]+(?:must|should|would|will|can|could|may|might|has to|have to|ought to|seems to|appears to|turns out to"
    r"|is likely to|is bound to)){1,2}[ \t]+(?:then[ \t]+|therefore[ \t]+)?be\b[ \t]*:?"
    r"|[ \t]+[-–—][ \t]+|(?P<heading>[ \t]*(?=\n)))"
    r"(?![ \t]*(?:(?:definitely|certainly|clearly|obviously|surely|probably|simply|actually|really|most)[ \t]+){0,2}"
    r"(?:not\b(?![^.\n]{0,40}\bbut\b)|never\b|no[ \t]longer\b|anything[ \t]but\b|nowhere[ \t]near\b|far[ \t]from\b))"
    r"[ \t]*",
    re.IGNORECASE,
)
_ANSWER_WORDS = (
    "antwort lösung respuesta réponse reponse risposta resposta antwoord svar odpowiedź odpověď cevap vastaus jawaban "
    "răspuns válasz ответ відповідь απάντηση 答案 答え 正解 정답 답 الإجابة الجواب תשובה उत्तर উত্তর คำตอบ"
)
_UNSPACED = ("答案", "答え", "正解", "정답")
"""Those of languages that set no space before a word."""
_SHORT_WORDS = ("选", "選", "答")
_WORDS = ("đáp án", *_ANSWER_WORDS.split())
"""The word for an answer in other languages that models write in."""
_ASCII_WORDS = tuple(word for word in _WORDS if word.isascii())
_OTHER_LANGUAGE = re.compile(
    rf"(?:(?<![^\W_])(?:{'|'.join(_WORDS)})|{'|'.join(_UNSPACED)}|答(?=[:：]))"
    r"(?:[ \t]+[^\W\d_]{2,12}){0,2}?"
    r"(?:\s*[:=：]|[ \t]+(?:ist|es|est|è|é|är|jest|adalah)\b[ \t]*:?(?:[ \t]*(?:la|le|el|il|die|der|das)\b)?"
    r"|[ \t]+[–—-][ \t]+"
    r"|\s?(?:应该|應該|应|應|就)?[是为為は은는选選][：:]?)[ \t]*"
    r"|(?:故|因此|所以|故此|答)[应應]?[选選][：:]?[ \t]*"
    r"|(?<![未不])[选選][择擇][：:为為]?[ \t]*(?=[(（]?[A-Z](?![A-Za-z]))",
    re.IGNORECASE,
)
_JSON = re.compile(
    r"[\"'](?:(?:final|correct)[_ ]?)?(?:answer|ans|choice|option|result|prediction)[\"']\s*:\s*"
    r"(?:\"(?P<double>(?:[^\"\\\n]|\\[^\n]){0,4000})\"|'(?P<single>[^'\n]{0,4000})'|(?P<list>\[[^\]\n]{0,2000}\])"
    r"|(?P<bare>[^\s,}\]\"'\[{][^,}\]\"'\n]{0,200}))",
    re.IGNORECASE,
)
"""A member of a JSON object, or of Python's form of one, whose name says that its value is the answer."""
_LINE_CUE = re.compile(r"(?m)^[ \t]*A:[ \t]*(?=\S)")
_OTHER_LINE = re.compile(r"(?m)^[ \t]*(?:[B-D][:.)]|A:[^\n]{0,300}?\sB:)")
_INVERTED = re.compile(
    r"[ \t]+(?:is|are|would be|must be|should be)[ \t]+(?:the|our|my)[ \t]+"
    r"(?:(?:final|correct|right|best|required|only)[ \t]+)*answer\b",
    re.IGNORECASE,
)
_CLAUSE_START = re.compile(r"[.!?;:,\n]\s|\b(?:so|thus|hence|therefore|and|but)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:\b(?:wrong|incorrect|false|second|second-best|next-best|previous|earlier|expected|reference|gold|official"
    r"|(?:other|another|alternative)(?:[ \t]+(?:possible|plausible|acceptable|common))?)[ \t]+$"
    r"|\b(?:(?:some|many|most|people|others?|everyone|someone|they|students?)(?:[ \t]+people)?"
    r"(?:[ \t]+(?:might|may|could|would|will))?|(?:you|one)[ \t]+(?:might|may|could|would)"
    r"|(?:mistake|tempting|error)(?: is)? to)[ \t]+(?:say|think|claim|believe|assume|guess|argue)s?(?: that)?[ \t]+"
    r"(?:(?:the|correct)[ \t]+)*$"
    r"|(?:\b(?:if|whether|unless|until|suppose|assuming|hope)"
    r"|(?:n['’]t|\bnot|\bnever)[ \t]+(?:think|believe|say|claim|mean))(?: that)?[ \t]+"
    r"(?:(?:the|my|our|your|final|correct)[ \t]+)*$)",
    re.IGNORECASE,
)
_LINE_START = re.compile(
    r"(?:^|\n)[ \t#>*_\"'-]*(?:(?:so|thus|hence|therefore|the|my|our|short|correct|numerical|and)\b,?[ \t]*)*$",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(
    r"。|[.!?]+[*_\"')]*(?=\s+[A-Z\\$<*_(]|\s*$)|(?:\.{2,}|…|\s[-–—]+)(?=\s?(?i:wait|no\b,|no\swait|oh|oops|hmm|actually|sorry))"
    r"|;(?=\s(?i:no,|wait\b|sorry\b))|,(?=\s(?i:(?:no,?\s)?wait\b|scratch\sthat|i\smean\b|or\srather\b|correction\b))"
    r"|\s*(?:\.\s*)?I hope it is|\n"
)
_RECURRING = re.compile(r"[.0-9][0-9]{2}\.{3}")
"""The end of a decimal that goes on, with its dots."""
_WITHDRAWN = re.compile(
    r"[;\s]*(?:(?:oh|oops|hmm+|wait|actually|sorry|but)\b[\s,.!…—–-]*){0,3}"
    r"(?:no[,:.!]|no[ \t]*[-–—]|no\swait\b|i\smean\b|or\srather\b|nope\b|scratch\sthat|correction\b"
    r"|(?:(?<=(?:ait|rry|ops|hmm),\s)|(?<=ctually,\s)|(?<=ctually\s))(?=(?:-?\$?[0-9][0-9,.]*(?:\s?%|\s[a-z]+)?|\(?[A-Z]\)?)[.!]?\s*(?:$|\n))"
    r"|(?:on|up)on\ssecond\sthoughts?\b|on\s(?:second|further)\s(?:thoughts?|reflection|consideration)\b"
    r"|(?:let\sme|let['’]s|i(?:['’]ll|\s(?:need\sto|should|must|have\sto)))\s(?:re-?(?:compute|calculate|consider|think|do|work)"
    r"|(?:try|start|do|count|work)\s(?:(?:that|this|it)\s(?:out\s)?)?(?:again|over))\b"
    r"|i\s(?:made\s(?:a|an|another)\s(?:\w+\s)?(?:mistake|error)|misread|miscounted|miscalculated)\b"
    r"|(?:it|that|this)\sshould\s(?:actually\s)?(?:be|have\sbeen)\s(?=[-$\\0-9])"
    r"|(?:that|this|it)(?:['’]s|\s(?:is|was|seems))(?:n['’]t|\snot)?"
    r"\s(?:wrong|incorrect|not\s(?:right|correct)|a\smistake)|that\sis(?:n['’]t|\snot)\s(?:right|correct))",
    re.IGNORECASE,
)
"""What takes back the sentence before."""
_DISPLAY = re.compile(
    r"\$\$[^$]{1,4000}\$\$|\\\[(?:[^\\]|\\(?!\])){1,4000}\\\]"
    r"|\\begin\{([a-z*]{1,20})\}(?:[^\\]|\\(?!end\{)){0,4000}\\end\{\1\}"
)


def cues_of(part: str) -> list[tuple[int, bool, str]]:
    """Start, whether it is final or begins a line, and text of each cue's answer; the last first."""
    low = lowered(part)
    found: list[tuple[int, bool, str]] = []
    if "A:" in part and not _OTHER_LINE.search(part):
        found += [(line.start(), True, _sentence(part, line.end())) for line in _LINE_CUE.finditer(part)][-MOST:]
    members = list(_JSON.finditer(part))[-MOST:] if '":' in part or "':" in part else []
    found += [(member.start(), True, (member[member.lastgroup or 0] or "").strip()) for member in members]
    if any(word in low for word in (_ASCII_WORDS if part.isascii() else (*_WORDS, *_SHORT_WORDS))):
        cues = list(_OTHER_LANGUAGE.finditer(part))[-MOST:]
        found += [(cue.start(), True, _sentence(part, cue.end())) for cue in cues]
    if "ans" in low or "final" in low:
        inverted = _inverted(part, low)[-MOST:]
        backwards = {match.end() for match in inverted}
        found += [(match.start(), False, _clause_before(part, match.start())) for match in inverted]
        for cue in _forward(part, low)[-MOST:]:
            if any(cue.start() < end <= cue.end() for end in backwards):
                continue
            if any(member.start() < cue.start() < member.end() for member in members):
                continue
            before = part[max(0, cue.start() - 80) : cue.start()]
            if _CONDITION.search(before):
                continue
            strong = bool(cue["final"] or _LINE_START.search(before))
            if cue["heading"] is None or strong:  # else it is a sentence that ends in "answer"
                found.append((cue.start(), strong, _sentence(part, cue.end())))
    return [cue for cue in sorted(found, reverse=True) if cue[2]]


def _forward(part: str, low: str) -> list[re.Match[str]]:
    """The cues that an answer follows, found by the words that they begin with.

    Args:
        part: an answering part.
        low: the same in lower case.
    """
    found: list[re.Match[str]] = []
    for start in places(low, ("final", "ans")):
        if (not found or start >= found[-1].end()) and (cue := CUE.match(part, start)):
            found.append(cue)
    return found


def _inverted(part: str, low: str) -> list[re.Match[str]]:
    """The cues that follow an answer (`… is the answer`), found by the word that they end with.

    Args:
        part: an answering part.
        low: the same in lower case.
    """
    found: list[re.Match[str]] = []
    for start in places(low, ("answer",)):
        end = start + len("answer")
        if not (part[end : end + 1].isalnum() or part[end : end + 1] == "_") and (
            match := _INVERTED.search(part, max(found[-1].end() if found else 0, start - 90), end)
        ):
            found.append(match)
    return found


def _clause_before(part: str, end: int) -> str:
    """What stands before an index, as far back as its sentence goes."""
    return _CLAUSE_START.split(part[max(0, end - 80) : end])[-1].strip()


def _sentence(part: str, start: int) -> str:
    """The sentence, or the display formula, that begins at `start` or on the next line that is not blank.

    Empty where the next sentence takes it back.
    """
    while start < len(part) and part[start].isspace():
        start += 1
    if display := _DISPLAY.match(part, start):
        return display[0]
    segment = part[start : start + MAX_SPAN]
    end = SENTENCE_END.search(segment)
    if end and _WITHDRAWN.match(segment, end.end()):
        return ""
    stop = end.start() if end else len(segment)
    if _RECURRING.match(segment, max(0, stop - 3)):
        stop += 3
    if segment.startswith("!)", stop) and segment.count("(", 0, stop) > segment.count(")", 0, stop):
        stop += 2  # `5!/(2!3!)`
    text = segment[:stop].strip()
    return text.removesuffix(" |")  # the end of a table's row
