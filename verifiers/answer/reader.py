r"""Where a completion states its answer: one order of precedence for every verifier.

`spans` gives the places where a completion states its answer, the strongest first; a verifier takes the first in which
it finds an answer of its kind. `docs/verifiers.md` has the table with an example a row. In short:

1. `tag`: `<answer>…</answer>`, `<final>` or `<solution>`, also where one of the two tags is missing;
2. `hashes`: `#### …`, as in GSM8K, where it is no heading;
3. `cue` that says it is final, or begins a line, after the last box;
4. `box`: `\boxed{…}`; several are one answer where only a connective stands between them;
5. `cue`: "the answer is …", "**Answer:** …", "… is the answer", `{"answer": …}`, where no next sentence takes it back;
6. `line`: the last line (`last_line`), where it is nothing but an answer;
7. `last`: the last number or formula, or the one choice mentioned; each verifier finds it by itself.

Within a rule the last place in the text comes first. A box that is never closed or too long is where the answer stands,
but no answer: its span has a `fault`, and the answer is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from verifiers.answer.completion import SEEN, answering_part
from verifiers.answer.units import UNITS

MAX_SPAN = 8_000
"""Characters of the longest answer."""
_MOST = 12
"""Places a rule looks at, from the end."""


class Span(NamedTuple):
    """A place where an answer stands: its text, the rule that found it, where, and why it is no answer, if so.

    `start` is where its tag, mark, box or cue begins in the answering part.
    """

    text: str
    rule: str
    start: int = 0
    fault: str = ""


_TAG = re.compile(r"<(/?)(?:(?:final[_ -]?)?answer|final|solution)>", re.IGNORECASE)
_HASHES = re.compile(r"(?<![#\w])####(?!#)[ \t]*([^\n]*)")
_HEADING = re.compile(
    r"(?:step|part|case|method|solution|problem|question|example|check|verif|explanation|note|conclusion|summary|given"
    r"|reasoning|analysis|approach|calculat|understand|\d{1,2}[.)]\s+[A-Za-z])|[^\n]*:\s*$",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"(?:(?P<final>\bfinal[ \t]+(?:answer|result|value|solution))|\b(?:answers?|ans\b\.?))"
    r"(?:[ \t]*\([^()\n]{0,40}\))?"
    r"(?:[ \t]+(?:to|of|for|in|from|with|choice|option|here|therefore|then)\b[^.\n:=!]{0,120}?)?"
    r"[\"']?(?:\s*(?:[:=：]>?|->|→|\]:?(?=[ \t]))[ \t]*(?:is\b)?|[ \t]*\|[ \t]+|['’]s[ \t]+"
    r"|[ \t]+(?:is|are|was|were|equals|becomes|comes to|to be)\b[ \t]*:?"
    r"|(?:[ \t]+(?:must|should|would|will|can|could|may|might|has to|have to|ought to|seems to|appears to|turns out to"
    r"|is likely to|is bound to)){1,2}[ \t]+(?:then[ \t]+|therefore[ \t]+)?be\b[ \t]*:?"
    r"|[ \t]+[-–—][ \t]+|(?P<heading>[ \t]*(?=\n)))"
    r"(?![ \t]*not\b(?![^.\n]{0,40}\bbut\b))[ \t]*",
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
    r"|(?:故|因此|所以|故此|答)[应應]?[选選][：:]?[ \t]*",
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
_OTHER_LINE = re.compile(r"(?m)^[ \t]*[B-D][:.)]")
_INVERTED = re.compile(
    r"[ \t]+(?:is|are|would be|must be|should be)[ \t]+(?:the|our|my)[ \t]+"
    r"(?:(?:final|correct|right|best|required|only)[ \t]+)*answer\b",
    re.IGNORECASE,
)
_CLAUSE_START = re.compile(r"[.!?;:,\n]\s|\b(?:so|thus|hence|therefore|and|but)\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"(?:\b(?:if|whether|unless|until|suppose|assuming|hope)"
    r"|(?:n['’]t|\bnot|\bnever)[ \t]+(?:think|believe|say|claim|mean))(?: that)?[ \t]+"
    r"(?:(?:the|my|our|your|final|correct)[ \t]+)*$",
    re.IGNORECASE,
)
_LINE_START = re.compile(
    r"(?:^|\n)[ \t#>*_\"'-]*(?:(?:so|thus|hence|therefore|the|my|our|short|correct|numerical|and)\b,?[ \t]*)*$",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"。|[.!?]+[*_\"')]*(?=\s+[A-Z\\$<*_(]|\s*$)|\s*(?:\.\s*)?I hope it is|\n")
_RECURRING = re.compile(r"[.0-9][0-9]{2}\.{3}")
"""The end of a decimal that goes on, with its dots."""
_WITHDRAWN = re.compile(
    r"\s*(?:(?:oh|oops|hmm+|wait|actually|sorry|but)\b[\s,.!…—–-]*){0,3}"
    r"(?:no[,:.!]|no[ \t]*[-–—]|nope\b|scratch\sthat|correction\b"
    r"|(?:that|this|it)(?:['’]s|\s(?:is|was|seems))(?:n['’]t|\snot)?"
    r"\s(?:wrong|incorrect|not\s(?:right|correct)|a\smistake)|that\sis(?:n['’]t|\snot)\s(?:right|correct))",
    re.IGNORECASE,
)
"""What takes back the sentence before."""
_DISPLAY = re.compile(
    r"\$\$[^$]{1,4000}\$\$|\\\[(?:[^\\]|\\(?!\])){1,4000}\\\]"
    r"|\\begin\{([a-z*]{1,20})\}(?:[^\\]|\\(?!end\{)){0,4000}\\end\{\1\}"
)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])")
_BARE_BOX = re.compile(r"-?[0-9][0-9.,]*|[A-Za-z]\b")
_PLACEHOLDER = re.compile(
    r"(?:\\(?:text|textbf|mathrm|ldots|dots|cdots|_|quad|,|;|!| )|[\s{}.…_?$\[\]<>]"
    r"|(?:your|the|final|answer|result|here|number|value|solution|expression|letter|option|choice)(?![A-Za-z]))*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:[\s$,;&.\\!]|\\text\s*\{[^{}]*\}|\\q?quad|\\[\[\]()]|\band\b|\bor\b)*")
_BETWEEN_WORDS = re.compile(
    r"(?!.*\b(?:so|then|thus|hence|therefore|get|gives?|giving|which|finally|we|making)\b)[^.!?\n\\]{0,40}(?:\band\b|\bor\b)[^.!?\n\\]{0,20}"
)
_SIGN = re.compile(
    r"(?:^|[=≈$({,;:]|\\approx|\\\(|\\\[|\b(?:is|be|are|equals))\s*(-|−|\\pm|\\mp|±)(?:\s*(?:\$|\\\())?$"
)
_SPACED_SIGN = re.compile(r"[=≈]\s*(?:\$|\\\()?\s*(-|−|\\pm|\\mp|±)\s*(?:\$|\\\()?\s*$")
_UNITS = [f"{word}(?:e?s)?" for word in UNITS if len(word) > 1 and word not in ("in", "unit", "second", "min", "sec")]
_AFTER = re.compile(
    r"(?:\s*(?:\$|\\\)))?\s*(?P<percent>\\?%|percent\b|pct\b)"
    r"|\s*(?P<tail>\^\s*(?:\{[^{}]{1,40}\}|\\circ|[0-9])|\\(?:times|cdot)\s*10\s*\^\s*(?:\{[^{}]{1,20}\}|[0-9])"
    r"|\\pi(?![A-Za-z])|°|\\sqrt\s*(?:\{[^{}]{1,40}\}|[0-9])"
    r"|\\(?:text|mathrm)\s*\{(?![^{}]*\b(?:and|or|for|if|is|so|where|with|but)\b)[^{}]{1,60}\}(?:\s*\^\s*(?:\{[0-9]\}|[0-9]))?)"
    r"|(?:\s*(?:\$|\\\)))?\s*(?P<times>hundred|thousand|million|billion|trillion|dozen)\b"
    rf"|(?:\s*(?:\$|\\\)))?\s*(?P<unit>(?:(?:square|cubic)\s)?(?:{'|'.join(_UNITS)}))\b(?![-'])"
)


def spans(completion: str) -> Iterator[Span]:
    """The places where a completion states its answer, the strongest first; see the module."""
    part = answering_part(completion)
    if overlong := overlong_box(completion, part):
        yield overlong
    yield from stated(part)


def stated(part: str) -> Iterator[Span]:
    """The stated answers of an answering part (`verifiers.answer.completion.answering_part`), the strongest first."""
    yield from _tagged(part)
    yield from _hashes(part)
    boxes = [match.start() for match in _BOX.finditer(part)][-_MOST:] if "box" in part else []
    cues = _cues(part)
    box, box_end = _boxed(part, boxes) if boxes else (None, 0)
    if box is not None:
        for start, strong, text in cues:
            if start >= box_end and strong and "\\box" not in text and _says_something(text):
                yield Span(text, "cue", start)
        yield box
    for start, _, text in cues:
        yield Span(text, "cue", start)


def last_line(part: str) -> str:
    """The last line of an answering part that is not blank."""
    return part.rstrip().rpartition("\n")[2].strip()


def first_line(part: str) -> str:
    """The first line of an answering part that is not blank."""
    return part.lstrip().partition("\n")[0].strip()


def _tagged(part: str) -> Iterator[Span]:
    low = part.lower()
    if not any(name in low for name in ("answer>", "final>", "solution>")):
        return
    tags = list(_TAG.finditer(part))[-2 * _MOST :]
    for index in range(len(tags) - 1, -1, -1):
        tag = tags[index]
        if not tag[1]:
            following = tags[index + 1] if index + 1 < len(tags) else None
            if following is None or following[1]:
                text = part[tag.end() : following.start() if following else len(part)].strip()
                if text and not _PLACEHOLDER.fullmatch(text[:200]):
                    yield Span(text, "tag", tag.start(), "" if len(text) <= MAX_SPAN else "too long to be an answer")
        elif index == 0:  # the prompt opened it
            text = last_line(part[: tag.start()])
            if text:
                yield Span(text, "tag", tag.start())


def _hashes(part: str) -> Iterator[Span]:
    if "####" not in part:
        return
    for match in list(_HASHES.finditer(part))[: -_MOST - 1 : -1]:
        text = match[1].strip()
        if text and not _CUE.search(text[:80] + "\n") and not _HEADING.match(text):
            yield Span(text, "hashes", match.start())


def _cues(part: str) -> list[tuple[int, bool, str]]:
    """Start, whether it is final or begins a line, and text of each cue's answer; the last first."""
    low = part.lower()
    found: list[tuple[int, bool, str]] = []
    if "A:" in part and not _OTHER_LINE.search(part):
        found += [(line.start(), True, _sentence(part, line.end())) for line in _LINE_CUE.finditer(part)][-_MOST:]
    members = list(_JSON.finditer(part))[-_MOST:] if '":' in part or "':" in part else []
    found += [(member.start(), True, (member[member.lastgroup or 0] or "").strip()) for member in members]
    if any(word in low for word in (_ASCII_WORDS if part.isascii() else (*_WORDS, *_SHORT_WORDS))):
        cues = list(_OTHER_LANGUAGE.finditer(part))[-_MOST:]
        found += [(cue.start(), True, _sentence(part, cue.end())) for cue in cues]
    if "ans" in low or "final" in low:
        inverted = list(_INVERTED.finditer(part))[-_MOST:]
        backwards = {match.end() for match in inverted}
        found += [(match.start(), False, _clause_before(part, match.start())) for match in inverted]
        for cue in list(_CUE.finditer(part))[-_MOST:]:
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
    text = segment[:stop].strip()
    return text.removesuffix(" |")  # the end of a table's row


def _says_something(text: str) -> bool:
    return bool(re.search(r"[0-9$\\]", text)) or len(text.split()) <= 3


def overlong_box(completion: str, part: str) -> Span | None:
    """The box of a long completion that begins before what is read of it and does not end within `MAX_SPAN` characters.

    Args:
        completion: the whole completion.
        part: its answering part, which holds no box if this one is to count.

    Returns:
        A span with a fault, or None where there is no such box.
    """
    if len(completion) <= SEEN or _BOX.search(part):
        return None
    start = max(completion.rfind("\\boxed", 0, -SEEN), completion.rfind("\\fbox", 0, -SEEN))
    if start < 0:
        return None
    window = completion[start : start + MAX_SPAN + 10]
    return None if _box(window, 0) else Span(completion[start : start + 400], "box", 0, "too long to be an answer")


def _boxed(part: str, starts: list[int]) -> tuple[Span | None, int]:
    """The last box, or the last boxes that are one answer, and where the last of all ends; None where all are empty."""
    answers: list[str] = []
    following, last_end = len(part), 0
    for start in reversed(starts):
        box = _box(part, start)
        if box is None:
            if not answers:
                fault = "its box is never closed" if len(part) - start <= MAX_SPAN else "too long to be an answer"
                return Span(part[start : start + 400], "box", start, fault), len(part)
            break
        answer, end = box
        if end > following or _PLACEHOLDER.fullmatch(answer[:200]):
            continue  # a box around the box already taken, or one copied from the instruction
        answer = _around(part, start, answer, end)
        if len(answer) > MAX_SPAN and not answers:
            return Span(answer[:400], "box", start, "too long to be an answer"), end
        if answers:
            between = part[end:following]
            if len(between) > 80 or not (_BETWEEN.fullmatch(between) or _BETWEEN_WORDS.fullmatch(between)):
                break
            if answer == answers[-1]:
                following = start
                continue
        answers.append(answer)
        last_end = last_end or end
        following = start
    if not answers:
        return None, 0
    return Span(" ; ".join(reversed(answers)), "box", following), last_end


def _around(part: str, start: int, answer: str, end: int) -> str:
    """A box's content with the sign before it and the percent sign, unit or power after it."""
    before = part[max(0, start - 20) : start]
    if sign := _SIGN.search(before) or _SPACED_SIGN.search(before):
        whole = f"({answer})" if re.search(r"[-+]", answer[1:]) and "," not in answer else answer
        answer = sign[1].replace("−", "-") + (f" {whole}" if "p" in sign[1] else whole)
    if after := _AFTER.match(part, end):
        if after["percent"]:
            return answer + r"\%"
        if after["unit"]:
            return f"{answer} \\text{{ {after['unit']}}}"
        return f"{answer} {(after['tail'] or after['times'])}"
    return answer


def _box(text: str, start: int) -> tuple[str, int] | None:
    """The content of the box command at `start`, and where it ends; None where it does not."""
    command = _BOX.match(text, start)
    index = command.end() if command else start
    while index < len(text) and text[index] in " \t\n":
        index += 1
    if index >= len(text):
        return None
    if text[index] != "{":
        match = _BARE_BOX.match(text, index)
        return (match[0].rstrip(".,"), match.end()) if match else None
    depth = 0
    for position in range(index, len(text)):
        if text[position] == "{" and text[position - 1] != "\\":
            depth += 1
        elif text[position] == "}" and text[position - 1] != "\\":
            depth -= 1
            if depth == 0:
                return text[index + 1 : position].strip(), position + 1
    return None
