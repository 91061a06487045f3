r"""Multiple choice: which of the row's choices a completion gives, by its label or by its text.

These places are read in the order of `verifiers.answer.reader`; the first that names a choice decides:

1. a stated answer: `<answer>C</answer>`, `#### B`, `\boxed{\textbf{(B)}}`, `So the answer is (B)`, `**Answer:** b.`,
   `the answer is water`, and phrases that only state choices: `Option C is right`, `I would pick B`, `Hence, C.`;
2. the last or first line, or any line that is nothing but a label: `B`, `**(b)**`, `B) water`; a last line that ends
   with a label (`… so (B)`), or a first line that begins with one (`B. Because…`);
3. if nothing states an answer: a label in brackets, or the text of exactly one choice, anywhere: `two legs are enough`.

A place that names two choices at once (`A or B`, `both A and B`, the texts of two choices) is ambiguous. If a choice's
text is part of another's (`plant`, `green plant`), it counts only outside the longer one. In texts, the digits 0 to 20
equal their words, and 18.00 is 18. A list that judges every choice in turn (`A: no. B: yes. C: no.`) states the one
that it calls right. If the choices have letters, and no numbers in their texts, `option 2` and `the second one` are B.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from verifiers.answer.boxes import overlong_box
from verifiers.answer.choice_texts import unwrapped
from verifiers.answer.choices import EMPTY_WORDS, TAIL, ChoiceReader
from verifiers.answer.completion import answering_part
from verifiers.answer.normal import normalised
from verifiers.answer.reader import last_line, stated
from verifiers.answer.span import Span
from verifiers.arithmetic.chains import Quantity
from verifiers.arithmetic.quantity import stated_quantity
from verifiers.numeric import same
from verifiers.verdict import Verdict, abstained, judged

_QUESTION = re.compile(
    r"(?:^|(?<=[.!?\n]))[ \t]*(?:could|can|is|are|was|would|might|may|should|does|do|did|what|why|how|which|who|where"
    r"|when)\b[^.!?\n]*\?",
    re.IGNORECASE,
)
"""A question, which gives no answer: `Could it be Rome?`"""


def verify(
    prediction: str,
    gold: str,
    *,
    choices: Sequence[str] | Sequence[Mapping[str, str]] | Mapping[str, Sequence[str]] | str,
    strict: bool = False,
    ambiguous: str = "wrong",
) -> Verdict:
    """Judge a multiple-choice answer: 1 where the choice that the completion gives is the gold one, else 0.

    Args:
        prediction: the completion.
        gold: the right choice, its label (`B`, `(b)`) or its text.
        choices: `[{"label": …, "text": …}]`; `{"label": […], "text": […]}`; label → text; or texts alone, labelled A,
            B, C, …; also as the text of any of these, as in a CSV file.
        strict: take an answer only where it is stated; else also from a line of its own, or a mention.
        ambiguous: an answer that names several choices or none: `wrong` (score 0) or `abstain`.

    Returns:
        Judged, with `extracted` the label of the choice given; abstained where the gold is none of the choices.

    Raises:
        ValueError: `ambiguous` is neither, or the choices are none, or two have the same label.
    """
    if ambiguous not in ("wrong", "abstain"):
        raise ValueError(f"ambiguous: expected 'wrong' or 'abstain', got {ambiguous!r}")
    labels, texts = labelled(choices)
    want = _of_gold(str(gold), labels, texts)
    if want is None:
        return abstained(f"the gold {str(gold)[:60]!r} is none of the choices")
    found, rule, reason = given(prediction, labels, texts, strict=strict)
    if found is None:
        return abstained(reason, rule=rule) if ambiguous == "abstain" else judged(0.0, reason, rule=rule)
    right = found == want or normalised(texts[found]) == normalised(texts[want])  # two choices may have the same text
    return judged(right, "right" if right else "another choice", extracted=labels[found], rule=rule)


def labelled(
    choices: Sequence[str] | Sequence[Mapping[str, str]] | Mapping[str, Sequence[str]] | str,
) -> tuple[list[str], list[str]]:
    """The labels and the texts of a row's choices; those of a CSV file are the text of a list or an object.

    Raises:
        ValueError: there are none, their form is unknown, or two have the same label.
    """
    if isinstance(choices, str):
        choices = choices_from_text(choices)
    if isinstance(choices, Mapping) and not {"label", "text"} <= set(choices):
        if not all(isinstance(text, str | int | float) for text in choices.values()):
            raise ValueError(f"choices has the keys {sorted(choices)}, and not a text for each")
        labels, texts = [str(label) for label in choices], [str(text) for text in choices.values()]
    elif isinstance(choices, Mapping):
        labels, texts = [str(label) for label in choices["label"]], [str(text) for text in choices["text"]]
    else:
        items = list(choices)
        if not items or len(items) > 26:
            raise ValueError(f"there must be 1 to 26 choices, not {len(items)}")
        labels, texts = [], []
        for index, item in enumerate(items):
            if isinstance(item, str | int | float):
                labels.append(chr(ord("A") + index))
                texts.append(str(item))
            elif isinstance(item, Mapping) and {"label", "text"} <= set(item):
                labels.append(str(item["label"]))
                texts.append(str(item["text"]))
            else:
                raise ValueError("a choice is a text, or has a label and a text")
    labels = [label.strip().strip("().").strip() for label in labels]
    if len(labels) != len(texts) or not labels or len({label.lower() for label in labels}) != len(labels):
        raise ValueError(f"each choice needs a label of its own: {labels}")
    return labels, texts


@lru_cache(maxsize=256)
def choices_from_text(choices: str) -> Any:
    """Choices that were written as JSON or as Python writes a list.

    Raises:
        ValueError: the text is neither.
    """
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(choices)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, (list, tuple, dict)):
            return found
    raise ValueError(f"choices is a text that is not a list: {choices[:60]!r}; expected a list, or the text of one")


def given(
    prediction: str, labels: Sequence[str], texts: Sequence[str], *, strict: bool = False
) -> tuple[int | None, str | None, str]:
    """The index of the choice that a completion gives, the rule that found it, and why there is none if so.

    Args:
        prediction: the completion.
        labels: the choices' labels.
        texts: their texts, in the same order.
        strict: only where an answer is stated.
    """
    part = answering_part(prediction)
    reader = _reader(tuple(labels), tuple(texts))
    if overlong := overlong_box(prediction, part):
        return None, overlong.rule, overlong.fault
    says_another = None
    for span in _statements(part, reader):
        if span.fault:
            return None, span.rule, span.fault
        if span.rule == "cue" and (found := reader.lists.right(part)):
            return _single(found, texts, "cue")
        if found := reader.within(span):
            return _single(found, texts, span.rule)
        if not EMPTY_WORDS.fullmatch(span.text[:200]):
            says_another = says_another or span.rule
    if strict or not part.strip():
        return None, None, "no choice that can be told"
    if found := reader.lists.right(part) or reader.on_a_line(part):
        return _single(found, texts, "line")
    if says_another:
        return None, says_another, "its answer is none of the choices"
    tail = unwrapped(_QUESTION.sub(" ", part[-TAIL:]))
    if found := reader.bracketed(tail) or reader.mentioned(tail):
        result = last_line(tail).rpartition("=")[2]
        if (
            len(found) > 1 and result and not reader.start.match(last_line(tail))
        ):  # `12 + 6 = 18`, where 12 is a choice, too
            found = reader.mentioned(result) or found
        return _single(found, texts, "last")
    return None, None, "no choice that can be told"


@lru_cache(maxsize=256)
def _reader(labels: tuple[str, ...], texts: tuple[str, ...]) -> ChoiceReader:
    """One reader for all completions of a row."""
    amounts: list[Quantity] | None = None

    def valued(text: str) -> set[int] | None:
        nonlocal amounts
        if len(text) > 200:
            return None
        if amounts is None:
            amounts = _amounts(texts)
        found = stated_quantity(text) if amounts else None
        if found is None or found.value is None or not found.alone:
            return None
        chosen = {index for index, amount in enumerate(amounts) if same(found, amount)}
        if len(chosen) > 1 and found.percent:  # `5%` is 0.05 rather than 5
            exact = {index for index in chosen if amounts[index].value == found.value / 100}
            return exact or chosen
        return chosen

    return ChoiceReader(labels, texts, valued)


def _amounts(texts: Sequence[str]) -> list[Quantity]:
    """The quantities that the choices are, where every one of them is one; else nothing."""
    amounts: list[Quantity] = []
    for text in texts:
        quantity = stated_quantity(unwrapped(text)) if len(text) <= 80 else None
        if quantity is None or not quantity.alone or quantity.value is None:
            return []
        amounts.append(quantity)
    return amounts


def _statements(part: str, reader: ChoiceReader) -> list[Span]:
    """The stated answers of an answering part, those that only a choice has among its cues by their place."""
    spans = list(stated(part))
    marks = next((index for index in range(len(spans), 0, -1) if spans[index - 1].rule != "cue"), 0)
    cues = [*spans[marks:], *reader.statements(part)]
    return [*spans[:marks], *sorted(cues, key=lambda span: span.start, reverse=True)]


def _single(found: set[int], texts: Sequence[str], rule: str) -> tuple[int | None, str, str]:
    if len({normalised(texts[index]) for index in found}) == 1:
        return min(found), rule, ""
    return None, rule, "it names several choices"


def _of_gold(gold: str, labels: Sequence[str], texts: Sequence[str]) -> int | None:
    """The choice that a gold names, by label or else by text."""
    plain = gold.strip().strip("().").strip().lower()
    by_label = [index for index, label in enumerate(labels) if label.lower() == plain]
    by_text = [index for index, text in enumerate(texts) if normalised(text) == normalised(gold)]
    both = by_label or by_text
    return both[0] if both else None
