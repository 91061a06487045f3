r"""Compares texts: equal after normalisation, or token F1.

Normalisation and F1 are SQuAD's (Rajpurkar et al. 2016, arXiv:1606.05250): lower case, no punctuation, no articles,
single spaces; F1 is the harmonic mean of precision and recall over the bags of words.

With `answer_only` only the completion's answer is compared (`verifiers.answer.reader`): an answer tag, `####`, a box,
or what follows "the answer is"; otherwise the last line, or the whole text. A stated answer is compared up to the end
of its line and up to the end of its sentence, with and without quotation marks and LaTeX's `\text{}` around it; it is
right if one of these equals the gold.
"""

from __future__ import annotations

import re
from collections import Counter

from verifiers.answer.boxes import overlong_box
from verifiers.answer.completion import answering_part
from verifiers.answer.normal import normalised
from verifiers.answer.reader import last_line, stated
from verifiers.answer.span import Span
from verifiers.verdict import Verdict, abstained, judged

MAX_TEXT = 100_000
"""Characters of an answer that are compared; a longer one is wrong."""

_LATEX = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_QUOTED = re.compile(r"[\"'“‘«`$<](.*?)[\"'”’»`$>]\.?", re.DOTALL)
_REMARK = re.compile(
    r",?\s+(?:because|since)\s|,\s+(?:as|which|who|where)\s|,\s+(?:and\s|but\s)?not\s|,\s+(?:of\scourse|indeed|obviously|clearly|I\s(?:think|believe))\b"
)
_ADDED = re.compile(r"\s+\((?:[^()]*[0-9][^()]*|(?:also|aka|i\.e\.|or)\b[^()]*)\)\.?$")
"""What brackets add behind a name: a figure, or another name."""
_SAID = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:it\s(?:is|was)|it['’]s|this\s(?:is|was)|that\s(?:is|was)|that['’]s)\s+(?!not\b)"
    r"|(?:final\s)?(?:output|result|solution|conclusion)\s?:\s*",
    re.IGNORECASE,
)
"""What a last line may begin with that says nothing but the answer: `it's Paris`, `Output: Paris`."""
_SENTENCE_END = re.compile(r"(?<!\b[A-Z])(?<!\b(?:Dr|Mr|Ms|St|Jr|Sr|vs))(?<!\b(?:Mrs))[.!?][\"'”’)]*(?=\s+[A-Z])")


def verify(
    prediction: str,
    gold: str,
    *,
    strict: bool = False,
    measure: str = "equal",
    normalise: bool = True,
    answer_only: bool = True,
) -> Verdict:
    """Judge text by equality or by token F1 with the gold.

    Args:
        prediction: the completion.
        gold: the text it should be.
        strict: take an answer only where it is stated (a tag, `####`, a box, "the answer is").
        measure: `equal` (1 or 0) or `f1` (in [0, 1]).
        normalise: compare without case, punctuation, articles and extra spaces; with False the text as it is, stripped.
        answer_only: look for the answer in the completion; with False the whole completion is the answer.

    Returns:
        Judged; abstained where nothing of the gold is left to compare. `extracted` is what was compared.

    Raises:
        ValueError: `measure` is neither.
    """
    if measure not in ("equal", "f1"):
        raise ValueError(f"measure: expected 'equal' or 'f1', got {measure!r}")
    plain = normalised if normalise else str.strip
    want = plain(gold)
    if not want:
        return abstained("the gold is empty")
    candidates, rule = _candidates(prediction, strict=strict) if answer_only else ([prediction.strip()], None)
    candidates = [text for text in candidates if len(text) <= MAX_TEXT]
    if not candidates:
        return judged(0.0, "no answer that can be compared", rule=rule)
    if measure == "f1":
        scores = [f1(plain(text), want) for text in candidates]
        best = max(range(len(scores)), key=scores.__getitem__)
        return judged(scores[best], "token F1", extracted=candidates[best][:1000], rule=rule)
    right = next((text for text in candidates if plain(text) == want), None)
    if right is None and not strict and len(prediction) <= MAX_TEXT and plain(prediction) == want:
        right = prediction.strip()  # the gold itself holds the words `answer is`
    reason = "other text" if right is None else "right"
    return judged(right is not None, reason, extracted=(right or candidates[0])[:1000], rule=rule)


def _candidates(prediction: str, *, strict: bool) -> tuple[list[str], str | None]:
    """The texts that a completion's answer may be, the likeliest first, and the rule that found it."""
    part = answering_part(prediction)
    if overlong := overlong_box(prediction, part):
        return [], overlong.rule
    for span in stated(part):
        if span.fault:
            return [], span.rule
        if texts := _forms(span, part):
            return texts, span.rule
    if strict:
        return [], None
    whole, line = part.strip(), last_line(part)
    texts = list(dict.fromkeys([whole, line, _SAID.sub("", line, count=1)]))
    return texts if whole else [], "line"


def _forms(span: Span, part: str) -> list[str]:
    """A stated answer as far as its sentence goes, and its line, each also without what surrounds it."""
    texts = [span.text.strip()]
    if span.rule == "tag":
        texts += [inner.text for inner in stated(span.text)][:1]
    if span.rule == "cue":
        at = part.find(span.text, span.start)
        line = part[at:].split("\n", 1)[0].strip() if at >= 0 else span.text
        texts = [line, span.text]
    if remark := _REMARK.search(texts[0]):
        texts.append(texts[0][: remark.start()])
    if end := _SENTENCE_END.search(texts[0]):
        texts.append(texts[0][: end.start()])
    if added := _ADDED.search(texts[0], max(0, len(texts[0]) - 200)):
        texts.append(texts[0][: added.start()])
    texts = [text.rstrip() for text in texts]
    plain = [_LATEX.sub(r"\1", text) for text in texts]
    bare = [match[1].strip() for text in plain if (match := _QUOTED.fullmatch(text))]
    forms = [*bare, *plain, *texts, *(text[:-1] for text in plain if text.endswith("."))]
    return list(dict.fromkeys(text.strip() for text in forms if text.strip()))


def f1(found: str, want: str) -> float:
    """Token F1 of two normalised texts, in [0, 1] (Rajpurkar et al. 2016, arXiv:1606.05250).

    Args:
        found: the answer.
        want: the gold.
    """
    have, need = Counter(found.split()), Counter(want.split())
    common = sum((have & need).values())
    if not common:
        return 0.0
    precision, recall = common / sum(have.values()), common / sum(need.values())
    return 2 * precision * recall / (precision + recall)
