"""Multiple choice: which of the row's choices a completion gives, by its label or by its text.

Read in this order; the first that says something decides, and within it the last place in the text:

1. a stated answer: `So the answer is (B)`, `Answer: b.`, `#### B`, `\\boxed{B}`, `the answer is water`;
2. the completion is only a choice: `B`, `(b)`, `B) water`, `water.`;
3. it begins or ends with a label set off: `B. Because…`, `… so (B)`;
4. a label in brackets, or the text of exactly one choice, anywhere: `two legs are enough`.

What names two choices at once (`A or B`, `both A and B`, the texts of two choices) is ambiguous. A choice's text
that is part of another's (`plant`, `green plant`) counts only where it stands outside the longer one. In texts the
digits 0 to 12 are the same as their words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from verifiers.exact import normalised
from verifiers.verdict import Verdict, abstained, judged

TAIL = 8_000
"""Characters that are read, from the end; an answer at the start is looked for in as many from the start."""

_STATED = re.compile(
    r"(?:answer|choice|option|solution)\s?(?:to (?:the|this) question)?"
    r"\s?(?:is|was|:|=|must be|should be|would be)\s?:?\s?"
    r"(?:therefore|thus|definitely|clearly|simply|probably|most likely|likely)?\s?(?:choice|option)?\s?"
    r"|####\s?|\\boxed\s?\{\s?(?:\\text\s?\{)?|<answer>\s?|^\s?A:\s",
    re.IGNORECASE | re.MULTILINE,
)
_DIGITS = dict(
    zip(
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"],
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        strict=True,
    )
)
_OPEN, _CLOSE = r"[(\[{*_\"'“`]{0,4}", r"[)\]}*_\"'”`]{0,4}"


def verify(
    prediction: str,
    gold: str,
    *,
    choices: Sequence[str] | Sequence[Mapping[str, str]] | Mapping[str, Sequence[str]],
    ambiguous: str = "wrong",
) -> Verdict:
    """Judge a multiple-choice answer: 1 where the choice that the completion gives is the gold one, else 0.

    Args:
        prediction: the completion.
        gold: the right choice, its label (`B`, `(b)`) or its text.
        choices: `[{"label": …, "text": …}]`; `{"label": […], "text": […]}`; or texts alone, labelled A, B, C, …
        ambiguous: an answer that names several choices or none: `wrong` (score 0) or `abstain`.

    Returns:
        Judged, with `extracted` the label of the choice given; abstained where the gold is none of the choices.

    Raises:
        ValueError: `ambiguous` is neither, or the choices are none, or two have the same label.
    """
    if ambiguous not in ("wrong", "abstain"):
        raise ValueError(f"ambiguous is 'wrong' or 'abstain', not {ambiguous!r}")
    labels, texts = labelled(choices)
    want = _of_gold(str(gold), labels, texts)
    if want is None:
        return abstained(f"the gold {str(gold)[:60]!r} is none of the choices")
    found, reason = given(prediction, labels, texts)
    if found is None:
        return abstained(reason) if ambiguous == "abstain" else judged(0.0, reason)
    right = found == want or normalised(texts[found]) == normalised(texts[want])  # two choices may have the same text
    return judged(right, "right" if right else "another choice", extracted=labels[found])


def labelled(
    choices: Sequence[str] | Sequence[Mapping[str, str]] | Mapping[str, Sequence[str]],
) -> tuple[list[str], list[str]]:
    """The labels and the texts of a row's choices.

    Raises:
        ValueError: there are none, their form is unknown, or two have the same label.
    """
    if isinstance(choices, Mapping):
        if not {"label", "text"} <= set(choices):
            raise ValueError(f"choices has the keys {sorted(choices)}, not label and text")
        labels, texts = [str(label) for label in choices["label"]], [str(text) for text in choices["text"]]
    else:
        items = list(choices)
        if not items or len(items) > 26:
            raise ValueError(f"there must be 1 to 26 choices, not {len(items)}")
        labels, texts = [], []
        for index, item in enumerate(items):
            if isinstance(item, str):
                labels.append(chr(ord("A") + index))
                texts.append(item)
            elif isinstance(item, Mapping) and {"label", "text"} <= set(item):
                labels.append(str(item["label"]))
                texts.append(str(item["text"]))
            else:
                raise ValueError("a choice is a text, or has a label and a text")
    labels = [label.strip().strip("().").strip() for label in labels]
    if len(labels) != len(texts) or not labels or len({label.lower() for label in labels}) != len(labels):
        raise ValueError(f"each choice needs a label of its own: {labels}")
    return labels, texts


def given(prediction: str, labels: Sequence[str], texts: Sequence[str]) -> tuple[int | None, str]:
    """The index of the choice that a completion gives, and why there is none where there is none."""
    text = prediction.strip()
    reader = _Reader(labels, texts)
    tail = text[-TAIL:]
    stated = list(_STATED.finditer(tail))
    for match in reversed(stated[-8:]):
        found = reader.at(tail[match.end() : match.end() + 400])
        if found:
            return _single(found, texts)
    whole = reader.at(tail, whole=True) if len(text) <= TAIL else set()
    if whole:
        return _single(whole, texts)
    if found := reader.set_off(text[:TAIL], tail):
        return _single(found, texts)
    if found := reader.bracketed(tail) or reader.mentioned(tail):
        return _single(found, texts)
    return None, "no choice that can be told"


def _single(found: set[int], texts: Sequence[str]) -> tuple[int | None, str]:
    if len({normalised(texts[index]) for index in found}) == 1:
        return min(found), ""
    return None, "it names several choices"


def _of_gold(gold: str, labels: Sequence[str], texts: Sequence[str]) -> int | None:
    """The choice that a gold names, by label or else by text."""
    plain = gold.strip().strip("().").strip().lower()
    by_label = [index for index, label in enumerate(labels) if label.lower() == plain]
    by_text = [index for index, text in enumerate(texts) if normalised(text) == normalised(gold)]
    both = by_label or by_text
    return both[0] if both else None


class _Reader:
    """The patterns of one row's choices."""

    def __init__(self, labels: Sequence[str], texts: Sequence[str]) -> None:
        self.index = {label.lower(): index for index, label in enumerate(labels)}
        self.texts = [normalised(text) for text in texts]
        spelt = [_spelt(text) for text in self.texts]
        self.plain = normalised
        if len(set(spelt)) == len(set(self.texts)):  # unless `2` and `two` are different choices
            self.texts = spelt
            self.plain = lambda text: _spelt(normalised(text))
        any_label = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
        self.label = re.compile(rf"{_OPEN}({any_label}){_CLOSE}(?![\w'’-])", re.IGNORECASE)
        self.bracket = re.compile(rf"[(\[]({any_label})[)\]]", re.IGNORECASE)
        self.start = re.compile(
            rf"{_OPEN}(?:(?:choice|option)\s)?{_OPEN}({any_label})(?:[)\]*_]{{1,4}}|[.:,)](?=\s)|\s[-–—]\s)",
            re.IGNORECASE,
        )
        self.end = re.compile(
            rf"(?:^|[\s.,:;!?])(?:[(\[*_\"]{{1,4}}({any_label})[)\]*_\"]{{1,4}}"
            rf"|(?:is|so|choose|pick|therefore|thus|option|choice|select):?\s({any_label}))[.!\s*_]{{0,6}}$",
            re.IGNORECASE,
        )
        self.before = re.compile(
            rf"(?:[(\[]({any_label})[)\]]|\b({any_label})(?=\s?(?:,|/|\bor\b|\band\b)))\s{{0,3}}(?:,|/|\bor\b|\band\b)?\s{{0,3}}$",
            re.IGNORECASE,
        )
        self.more = re.compile(
            rf"\s?(?:,|/|&|\bor\b|\band\b)\s?(?:also |maybe )?{_OPEN}({any_label}){_CLOSE}(?![\w'’-])", re.IGNORECASE
        )

    def at(self, text: str, *, whole: bool = False) -> set[int]:
        """The choices at the beginning of a text, by label or by text; with `whole` they must be all of it."""
        line = text.strip().split("\n", 1)[0] if not whole else text.strip()
        line = re.sub(r"^(?:both|either)\s", "", line, flags=re.IGNORECASE)
        plain = self.plain(line[:400])
        if exact := {index for index, choice in enumerate(self.texts) if choice and choice == plain}:
            return exact  # before labels: a choice may read `B and D`
        if match := self.label.match(line):
            rest = line[match.end() :]
            found = {self.index[match[1].lower()]}
            bare = match.group() == match[1]
            while more := self.more.match(rest):
                found.add(self.index[more[1].lower()])
                rest = rest[more.end() :]
            # a bare `a` may be an article: `the answer is a dog`
            ends = not rest.strip(" .!)*_\"'”}`") or bool(
                re.match(r"\s?[.,:;)\-–—]|\s+(?:because|since|as|for)\b", rest)
            )
            same_text = self.texts[next(iter(found))] == self.plain(rest)
            if ends or same_text or not bare:
                restated = self.plain(rest.lstrip(" .:,)-–—"))
                if not whole or not rest.strip(" .!)*_\"'”}`") or restated in self.texts:
                    return found
        if whole:
            return set()
        starting = {index for index, choice in enumerate(self.texts) if choice and f"{plain} ".startswith(f"{choice} ")}
        longest = max((len(self.texts[index]) for index in starting), default=0)
        starting = {index for index in starting if len(self.texts[index]) == longest}
        if starting:
            rest = f" {plain[longest:]} "
            if re.match(r"\s(?:or|and)\s", rest):
                starting |= {i for i, choice in enumerate(self.texts) if choice and f" {choice} " in rest}
            return starting
        return self.mentioned(re.split(r"[.!?](?:\s|$)", line, maxsplit=1)[0])

    def set_off(self, head: str, tail: str) -> set[int]:
        """The label that the text ends with, or begins with, set off from it."""
        if match := self.end.search(tail, max(0, len(tail) - 80)):
            found = {self.index[(match[1] or match[2]).lower()]}
            if before := self.before.search(tail[max(0, match.start() - 20) : match.start() + 1]):
                found.add(self.index[(before[1] or before[2]).lower()])
            return found
        if match := self.start.match(head):
            found = {self.index[match[1].lower()]}
            if more := self.more.match(head[match.end() :]):
                found.add(self.index[more[1].lower()])
            return found
        return set()

    def bracketed(self, text: str) -> set[int]:
        """All labels in brackets."""
        return {self.index[match[1].lower()] for match in self.bracket.finditer(text)}

    def mentioned(self, text: str) -> set[int]:
        """The choices whose text stands in a text outside the text of a longer choice."""
        plain = f" {self.plain(text)} "
        found: set[int] = set()
        for index in sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i])):
            choice = self.texts[index]
            if choice and f" {choice} " in plain:
                found.add(index)
                plain = plain.replace(f" {choice} ", "  ")
        return found


def _spelt(plain: str) -> str:
    """A normalised text with the numbers 0 to 12 as words."""
    return " ".join(_DIGITS.get(word, word) for word in plain.split())
