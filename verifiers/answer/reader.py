r"""Finds where a completion states its answer: one order of precedence for every verifier.

`spans` yields the places where a completion states its answer, the strongest first; a verifier takes the first one in
which it finds an answer of its kind. `docs/verifiers.md` has the table with an example for each rule. In short:

1. `tag`: `<answer>…</answer>`, `<final>` or `<solution>`, even if one of the two tags is missing;
2. `hashes`: `#### …`, as in GSM8K, unless it is a heading;
3. `cue` that says that the answer is final, or that begins a line, after the last box;
4. `box`: `\boxed{…}`; several are one answer if only connectives stand between them;
5. `cue`: "the answer is …", "**Answer:** …", "… is the answer", `{"answer": …}`, unless it is taken back;
6. `line`: the last line (`last_line`), if it is nothing but an answer;
7. `last`: the last number or formula, or the only choice that is mentioned; each verifier finds it by itself.

Within a rule, the last place in the text comes first. A box that is never closed, or that is too long, marks where the
answer is but holds none: its span has a `fault`, and the answer is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from verifiers.answer.boxes import BOX, PLACEHOLDER, boxed, overlong_box
from verifiers.answer.completion import answering_part
from verifiers.answer.cues import CUE, cues_of
from verifiers.answer.span import MAX_SPAN, MOST, Span

_TAG = re.compile(r"<(/?)(?:(?:final[_ -]?)?answer|ans|final|solution)>", re.IGNORECASE)
_HASHES = re.compile(r"(?<![#\w])####(?!#)[ \t]*((?:(?!\s####)[^\n])*)")
_HEADING = re.compile(
    r"(?:step|part|case|method|solution|problem|question|example|check|verif|explanation|note|conclusion|summary|given"
    r"|reasoning|analysis|approach|calculat|understand|\d{1,2}[.)]\s+[A-Za-z])|[^\n]*:\s*$",
    re.IGNORECASE,
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
    boxes = [match.start() for match in BOX.finditer(part)][-MOST:] if "box" in part else []
    cues = cues_of(part)
    box, box_end = boxed(part, boxes) if boxes else (None, 0)
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
    if not any(name in low for name in ("answer>", "ans>", "final>", "solution>")):
        return
    tags = list(_TAG.finditer(part))[-2 * MOST :]
    for index in range(len(tags) - 1, -1, -1):
        tag = tags[index]
        if not tag[1]:
            following = tags[index + 1] if index + 1 < len(tags) else None
            if following is None or following[1] or not part[following.end() :].strip():  # `<answer>4<answer>`
                text = part[tag.end() : following.start() if following else len(part)].strip()
                if text and not PLACEHOLDER.fullmatch(text[:200]):
                    yield Span(text, "tag", tag.start(), "" if len(text) <= MAX_SPAN else "too long to be an answer")
        elif index == 0:  # the prompt opened it
            text = last_line(part[: tag.start()])
            if text:
                yield Span(text, "tag", tag.start())


def _hashes(part: str) -> Iterator[Span]:
    if "####" not in part:
        return
    for match in list(_HASHES.finditer(part))[: -MOST - 1 : -1]:
        text = match[1].strip()
        if "\\box" in text:
            box, _ = boxed(text, [box.start() for box in BOX.finditer(text)][-MOST:])
            text = box.text if box is not None and not box.fault else text
        if text and not CUE.search(text[:80] + "\n") and not _HEADING.match(text):
            yield Span(text, "hashes", match.start())


def _says_something(text: str) -> bool:
    return bool(re.search(r"[0-9$\\]", text)) or len(text.split()) <= 3
