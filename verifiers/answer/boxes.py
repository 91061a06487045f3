r"""Reads `\boxed{…}`: its content, several that are one answer, and what belongs to it before and behind it."""

from __future__ import annotations

import re

from verifiers.answer.completion import SEEN
from verifiers.answer.span import MAX_SPAN, Span
from verifiers.answer.units import UNITS

BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])|(?<![A-Za-z\\])boxed(?=\s?\{)")
_BY_NAME = re.compile(rf"(?:{BOX.pattern})\s*[^\s{{\\]")
"""The command where it is only spoken of: `put it into \\boxed, please`."""
_BARE_BOX = re.compile(r"-?[0-9][0-9.,]*|[A-Za-z]\b")
PLACEHOLDER = re.compile(
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
_NAME = re.compile(r"(?<![A-Za-z\\])([A-Za-z])\s*=\s*(?:\$|\\\(|\\\[)?\s*$")
_DENIED = re.compile(r"\b(?:not|instead\sof|rather\sthan)(?:\sbe)?\s*(?:\$|\\\(|\\\[)?\s*$")
_DENIED_AFTER = re.compile(
    r"[\s$)\]\\]*(?:(?:is|was)(?:\sclearly|\sdefinitely)?\s(?:wrong|incorrect|false|a\smistake|not\s(?:right|correct|the\sanswer))"
    r"|(?:is|was)n['’]t\s(?:right|correct|the\sanswer))\b"
)
_UNITS = [f"{word}(?:e?s)?" for word in UNITS if len(word) > 1 and word not in ("in", "unit", "second", "min", "sec")]
_AFTER = re.compile(
    r"(?:\s*(?:\$|\\\)))?\s*(?P<percent>\\?%|percent\b|pct\b)"
    r"|\s*(?P<tail>\^\s*(?:\{[^{}]{1,40}\}|\\circ|[0-9])|\\(?:times|cdot)\s*10\s*\^\s*(?:\{[^{}]{1,20}\}|[0-9])"
    r"|\\pi(?![A-Za-z])|°|\\sqrt\s*(?:\{[^{}]{1,40}\}|[0-9])"
    r"|\\(?:text|mathrm)\s*\{(?![^{}]*\b(?:and|or|for|if|is|so|where|with|but)\b)[^{}]{1,60}\}(?:\s*\^\s*(?:\{[0-9]\}|[0-9]))?)"
    r"|(?:\s*(?:\$|\\\)))?\s*(?P<times>hundred|thousand|million|billion|trillion|dozen)\b"
    rf"|(?:\s*(?:\$|\\\)))?\s*(?P<unit>(?:(?:square|cubic)\s)?(?:{'|'.join(_UNITS)}))\b(?![-'])"
)


def overlong_box(completion: str, part: str) -> Span | None:
    """The box of a long completion that begins before what is read of it and does not end within `MAX_SPAN` characters.

    Args:
        completion: the whole completion.
        part: its answering part, which holds no box if this one is to count.

    Returns:
        A span with a fault, or None where there is no such box.
    """
    if len(completion) <= SEEN or BOX.search(part):
        return None
    start = max(completion.rfind("\\boxed", 0, -SEEN), completion.rfind("\\fbox", 0, -SEEN))
    if start < 0:
        return None
    window = completion[start : start + MAX_SPAN + 10]
    return None if _box(window, 0) else Span(completion[start : start + 400], "box", 0, "too long to be an answer")


def boxed(part: str, starts: list[int]) -> tuple[Span | None, int]:
    """The last box, or the last boxes that are one answer, and where the last of all ends; None where all are empty.

    Args:
        part: an answering part (`verifiers.answer.completion.answering_part`).
        starts: where its boxes begin, in order.
    """
    answers: list[str] = []
    names: list[str] = []
    following, last_end = len(part), 0
    for start in reversed(starts):
        box = _box(part, start)
        if box is None and _BY_NAME.match(part, start):
            continue
        if box is None:
            if not answers:
                fault = "its box is never closed" if len(part) - start <= MAX_SPAN else "too long to be an answer"
                return Span(part[start : start + 400], "box", start, fault), len(part)
            break
        answer, end = box
        if end > following or PLACEHOLDER.fullmatch(answer[:200]):
            continue  # a box around the box already taken, or one copied from the instruction
        if _DENIED.search(part, max(0, start - 20), start) or _DENIED_AFTER.match(part, end):
            continue
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
        name = _NAME.search(part, max(0, start - 20), start)
        names.append(name[1] if name else "")
        last_end = last_end or end
        following = start
    if not answers:
        return None, 0
    if len(answers) > 1 and all(names) and len(set(names)) == len(names):
        answers = [f"{name} = {answer}" for name, answer in zip(names, answers, strict=True)]
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


def _escaped(text: str, at: int) -> bool:
    """Whether a backslash belongs to the character at an index: one before `}`, but not the two of a line break."""
    before = text[max(0, at - 4) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _box(text: str, start: int) -> tuple[str, int] | None:
    """The content of the box command at `start`, and where it ends; None where it does not."""
    command = BOX.match(text, start)
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
        if text[position] == "{" and not _escaped(text, position):
            depth += 1
        elif text[position] == "}" and not _escaped(text, position):
            depth -= 1
            if depth == 0:
                return text[index + 1 : position].strip(), position + 1
    return None
