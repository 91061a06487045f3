r"""Finds the final answer in a completion.

In this order, the last of each kind:

1. `\boxed{…}`; several are one answer when only a connective stands between them (`\boxed{1} and \boxed{2}`);
2. `<answer>…</answer>`;
3. `#### …`, as in GSM8K;
4. a line `A: …`, or what follows "the answer is", "answer:", "final answer:";
5. lenient mode only: the whole text where it is nothing but an answer; else the last formula, bracketed number or
   number.

Only what follows the last `</think>` counts, where something does. A box that is never closed is no answer: the
completion was cut off, and what it holds may be half a number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from verifiers.answer.latex import GARBAGE, readable
from verifiers.answer.units import KNOWN_WORDS, PHRASES

SEEN = 50_000
"""Characters looked at, from the end of a completion."""


class Found(NamedTuple):
    """An answer's text and where it was: boxed, tag, hashes, cue, whole, formula or number."""

    answer: str
    source: str


_SPECIAL = re.compile(r"<\|[a-z_]+\|>|</s>|<end_of_turn>")
_TAG = re.compile(r"(?i)<answer>((?:(?!<answer>).)*?)</answer>", re.S)
_HASHES = re.compile(r"####[ \t]*([^\n]*)")
_CUE = re.compile(
    r"(?i)\banswers?\b[*_]*(?:[ \t]+(?:to|of|for)\b[^.\n:=]{0,60}?)?[*_]*"
    r"(?:\s*:[*_]*\s*(?:is\b)?|\s*=|[ \t]+(?:is|are|was)\b\s*:?|[ \t]+equals\b)"
    r"(?!\s*not\b)[ \t]*[*_]*\s*"
)
_LINE = re.compile(r"(?m)^A:[ \t]*(\S[^\n]*)")
_OTHER_LINE = re.compile(r"(?m)^B:")
_SENTENCE_END = re.compile(r"[.!?]+[*_\"')]*(?=\s+[A-Z\\$<*_]|\s*$)|\s*(?:\.\s*)?I hope it is|\n")
_FORMULA = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\\\[(?P<b>(?:[^\\]|\\(?!\]))+)\\\]|\\\((?P<c>(?:[^\\]|\\(?!\)))+)\\\)"
    r"|(?<!\\)\$(?P<d>(?:\\\$|[^$\n])+)(?<!\\)\$"
)
_BRACKETED = re.compile(r"(?<![\w\\])\[\s*([^\[\]\n]{1,200})\s*\](?!\()")
_NUMBER = re.compile(
    r"(?<![\w.,^{/\\" + GARBAGE + r"])(?<![\w)\]]-)"
    r"(?P<value>[-+−]?[ ]?[$€£¥₹]?[ ]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]+)?(?:[ ]?/[ ]?[0-9]+(?:\.[0-9]+)?(?!\w|\.[0-9]))?)(?![ ]?/[ ]?[0-9])"
    r"(?P<percent>[ ]?\\?%|[ ](?:percent|pct)\b)?(?P<unit>[A-Za-z°²³]*)(?![0-9_" + GARBAGE + r"])(?!\.[0-9])"
)
_FRACTION = re.compile(r"-?\\[dt]?frac\s*\{-?[0-9]+\}\s*\{[0-9]+\}")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_TEXT = re.compile(r"\\(?:text[a-z]*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\(?:begin|end)\{[a-z*]+\}(?:\{[lcr|]*\})?")
_NUMBER_WORDS = re.compile(r"\s*\\?[$]?\s*-?[0-9][0-9.,/]*\\?\$?(?:\s+[A-Za-z]+\.?){1,3}\s*[.!]?\s*")
_MATH = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt pi frac dfrac tfrac and or inf infty "
    "infinity cup cap in mod gcd lcm max min det percent percentage pct oo"
)
_MATH_WORDS = frozenset(_MATH.split())
_SENTENCE = re.compile(
    r"(?i)[a-z]{2,}\s+[a-z]{2,}|\b(?:is|it|so|we|the|are|of|to|an|be|no|not|all|he|she|if|at|by|on|was|has|for|its|you)\b"
)
_BETWEEN = re.compile(r"(?:[\s$,;&.\\!]|\\text\s*\{[^{}]*\}|\\q?quad|\\[\[\]()]|\band\b|\bor\b)*")
_BETWEEN_WORDS = re.compile(r"[^.!?\n\\]{0,40}(?:\band\b|\bor\b)[^.!?\n\\]{0,20}")


def extract(text: str, *, strict: bool = False) -> Found | None:
    """The final answer in a completion, or None where there is none.

    Args:
        text: the completion.
        strict: only a box, a tag, `####` or an answer cue; no guessing from the last number.
    """
    text = _ending(text)
    for source, find in (("boxed", _boxed), ("tag", _tagged), ("hashes", _hashes), ("cue", _cued)):
        if (answer := find(text)) is not None:
            return Found(answer, source)
    if strict:
        return None
    if is_bare(text):
        return Found(text.strip(), "whole")
    return _last(text)


def extract_gold(text: str) -> str:
    """The answer in a gold text: as `extract` finds it, but never the last number of a sentence; else all of it."""
    found = extract(text, strict=True)
    if found is not None:
        return found.answer
    if not is_bare(text) and (formulas := list(_FORMULA.finditer(readable(text)))):
        return formulas[-1][0]
    return text.strip()


def is_bare(text: str) -> bool:
    """Whether a text is nothing but an answer: mathematics, a number with its unit, or one word."""
    text = text.strip()
    if not text or len(text) > 2000 or "\n\n" in text:
        return False
    rest = _TEXT.sub(" ", text) if "\\" in text else text
    unknown = [word for word in _WORD.findall(rest) if word.lower() not in _MATH_WORDS]
    if not unknown:
        return True
    if all(word.lower() in KNOWN_WORDS for word in unknown) and re.search("[0-9}]", rest):
        return True
    if len(unknown) == 1 and re.fullmatch(r"[\s$*.\"'(]*[A-Za-z][A-Za-z-]*[\s$*.\"')]*", rest):
        return True
    if text.strip(" .$").lower() in PHRASES:
        return True
    if max(map(len, unknown)) <= 3 and re.search(r"[\\^+*/=]", text) and not _SENTENCE.search(rest):
        return True  # products of variables
    return bool(_NUMBER_WORDS.fullmatch(text))


def _ending(text: str) -> str:
    """The end of a completion, after its thinking and before tokens that close it."""
    text = readable(text[-SEEN:])
    _, mark, after = text.rpartition("</think>")
    if mark and after.strip():
        text = after
    if "<" in text:
        for match in _SPECIAL.finditer(text):
            if text[: match.start()].strip():
                text = text[: match.start()]
                break
    return text


def _box(text: str, start: int) -> tuple[str, int] | None:
    """The content of the box command at `start`, and where it ends; None where it does not."""
    index = start + 5 if text.startswith(r"\fbox", start) else start + 6
    while index < len(text) and text[index] in " \t\n":
        index += 1
    if index >= len(text):
        return None
    if text[index] != "{":
        match = re.compile(r"-?[0-9][0-9.,]*|[A-Za-z]\b").match(text, index)
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


def _boxed(text: str) -> str | None:
    if "box" not in text:
        return None
    starts = [match.start() for match in re.finditer(r"\\(?:boxed|fbox)(?![a-zA-Z])", text)][-12:]
    if not starts:
        return None
    answers: list[str] = []
    following = len(text)
    for start in reversed(starts):
        box = _box(text, start)
        if box is None:
            if not answers:
                return ""  # cut off inside its last box: there is no answer
            break
        answer, end = box
        if end > following:
            continue  # a box around the box already taken
        if answers:
            between = text[end:following]
            if len(between) > 80 or not (_BETWEEN.fullmatch(between) or _BETWEEN_WORDS.fullmatch(between)):
                break
            if answer == answers[-1]:
                following = start
                continue
        answers.append(answer)
        following = start
    return " ; ".join(reversed(answers)) if len(answers) > 1 else answers[0]


def _tagged(text: str) -> str | None:
    if "answer>" not in text.lower():
        return None
    tags = _TAG.findall(text)
    if not tags:
        return None
    inner = tags[-1].strip()
    found = None if is_bare(inner) else extract(inner)
    return found.answer if found else inner


def _hashes(text: str) -> str | None:
    if "####" not in text:
        return None
    marks = _HASHES.findall(text)
    return marks[-1].strip() if marks and marks[-1].strip() else None


def _cued(text: str) -> str | None:
    lines = _LINE.findall(text)
    if lines and not _OTHER_LINE.search(text):
        return _refined(lines[-1])
    cues = list(_CUE.finditer(text))
    for cue in reversed(cues):
        segment = text[cue.end() :]
        if not segment.strip():
            continue
        formula = _FORMULA.match(segment.lstrip())
        if formula and formula[0].startswith(("$$", r"\[")):
            return formula[0]
        end = _SENTENCE_END.search(segment)
        return _refined(segment[: end.start()] if end else segment)
    return None


def _refined(segment: str) -> str:
    """The answer in a short piece of text that holds it: all of it, what it begins with, or what it ends with."""
    segment = segment.strip().strip("*_").rstrip("*_.! ")
    if is_bare(segment):
        return segment
    if match := _FORMULA.match(segment) or _FRACTION.match(segment):
        return match[0]
    if (match := _NUMBER.match(segment)) and _is_number(match):
        return _number_text(match)
    last = _last(segment)
    return last.answer if last else segment


def _last(text: str) -> Found | None:
    """The formula, bracketed answer or number that ends last in a text."""
    found: tuple[int, Found] | None = None
    for match in _FORMULA.finditer(text):
        content = next(group for group in match.groups() if group is not None)
        if content.strip() and re.search("[0-9A-Za-z]", content):
            found = match.end(), Found(match[0] + _percent_after(text, match.end()), "formula")
    for match in _BRACKETED.finditer(text):
        if is_bare(match[1]) and re.search("[0-9]", match[1]) and (found is None or match.end() > found[0]):
            found = match.end(), Found(match[1] if "," not in match[1] else match[0], "number")
    for match in _FRACTION.finditer(text):
        if found is None or match.end() > found[0]:
            found = match.end(), Found(match[0], "number")
    for match in _NUMBER.finditer(text):
        if (found is None or match.end() > found[0]) and _is_number(match):
            found = match.end(), Found(_number_text(match), "number")
    return found[1] if found else None


def _is_number(match: re.Match[str]) -> bool:
    unit = match["unit"]
    return not unit or unit.rstrip("²³").lower() in KNOWN_WORDS or unit[-1] in "²³°"


def _number_text(match: re.Match[str]) -> str:
    return match["value"] + (match["percent"] or "")


def _percent_after(text: str, end: int) -> str:
    match = re.compile(r"\s*(?:\\?%|percent\b|pct\b)").match(text, end)
    return match[0] if match else ""
