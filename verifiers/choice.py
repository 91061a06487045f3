"""Multiple choice: which of the row's choices a completion gives, by its label or by its text.

Read in the order of `verifiers.answer.reader`; the first that names a choice decides:

1. a stated answer: `<answer>C</answer>`, `#### B`, `\\boxed{\\textbf{(B)}}`, `So the answer is (B)`, `**Answer:** b.`,
   `the answer is water`, and what only a choice is stated by: `Option C is right`, `I would pick B`, `Hence, C.`;
2. a line of its own: the last line, the first, or any that is a label and nothing else: `B`, `**(b)**`, `B) water`; a
   last line that ends in a label set off (`… so (B)`), a first line that begins with one (`B. Because…`);
3. where nothing states an answer: a label in brackets, or the text of exactly one choice, anywhere: `two legs are
   enough`.

What names two choices at once (`A or B`, `both A and B`, the texts of two choices) is ambiguous. A choice's text
that is part of another's (`plant`, `green plant`) counts only where it stands outside the longer one. In texts the
digits 0 to 12 are the same as their words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from verifiers.answer.completion import answering_part
from verifiers.answer.reader import Span, first_line, last_line, overlong_box, stated
from verifiers.exact import normalised
from verifiers.verdict import Verdict, abstained, judged

TAIL = 8_000
"""Characters in which a mention is looked for, from the end."""

_DIGITS = dict(
    zip(
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"],
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        strict=True,
    )
)
_OPEN, _CLOSE = r"[(\[*_\"'“`]{0,4}", r"[)\]*_\"'”`]{0,4}"
_LATEX = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|boxed|fbox|bf|rm|bold|boldsymbol"
    r"|underline|emph|operatorname|left|right)(?![a-zA-Z])|\\[()\[\],;:! ]|(?<!\\)[{}]|\\q?quad"
)
_DOLLARS = re.compile(r"\$([^$\n]{1,200})\$")
_EMPTY_WORDS = re.compile(
    r"(?:\s|correct|right|wrong|incorrect|clear|obvious|below|above|as follows|given|shown|found|here|therefore|thus|the|is"
    r"|now|to|one|choice|option|[^\w])*",
    re.IGNORECASE,
)
"""A statement that names no answer, so that what else names one may be read: `the answer is clear`."""
_LEAD = re.compile(
    r"^(?:\s|[:,]|(?:so|thus|hence|therefore|then|option|choice|answer|letter|it is|it's|that|that is|i think|i believe|clearly"
    r"|definitely|probably|likely|most likely|simply|indeed|number|indeed|the)\b(?!\s*[)\].]))*",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?i)(?:\b(?:not|nor|neither|never|if|whether|cannot|unless|why)|n['’]t)\b[^.!?\n;]{0,30}$")


def verify(
    prediction: str,
    gold: str,
    *,
    choices: Sequence[str] | Sequence[Mapping[str, str]] | Mapping[str, Sequence[str]],
    strict: bool = False,
    ambiguous: str = "wrong",
) -> Verdict:
    """Judge a multiple-choice answer: 1 where the choice that the completion gives is the gold one, else 0.

    Args:
        prediction: the completion.
        gold: the right choice, its label (`B`, `(b)`) or its text.
        choices: `[{"label": …, "text": …}]`; `{"label": […], "text": […]}`; or texts alone, labelled A, B, C, …
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
    reader = _Reader(labels, texts)
    if overlong := overlong_box(prediction, part):
        return None, overlong.rule, overlong.fault
    says_another = None
    for span in _statements(part, reader):
        if span.fault:
            return None, span.rule, span.fault
        if found := reader.within(span):
            return _single(found, texts, span.rule)
        if not _EMPTY_WORDS.fullmatch(span.text[:200]):
            says_another = says_another or span.rule
    if strict or not part.strip():
        return None, None, "no choice that can be told"
    if found := reader.on_a_line(part):
        return _single(found, texts, "line")
    if says_another:
        return None, says_another, "its answer is none of the choices"
    tail = _unwrapped(part[-TAIL:])
    if found := reader.bracketed(tail) or reader.mentioned(tail):
        return _single(found, texts, "last")
    return None, None, "no choice that can be told"


def _statements(part: str, reader: _Reader) -> list[Span]:
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


class _Reader:
    """The patterns of one row's choices."""

    def __init__(self, labels: Sequence[str], texts: Sequence[str]) -> None:
        self.index = {label.lower(): index for index, label in enumerate(labels)}
        self.texts = [normalised(_unwrapped(text)) for text in texts]
        if len(set(self.texts)) < len({normalised(text) for text in texts}):
            self.texts = [normalised(text) for text in texts]
        spelt = [_spelt(text) for text in self.texts]
        self.plain = normalised
        if len(set(spelt)) == len(set(self.texts)):  # unless `2` and `two` are different choices
            self.texts = spelt
            self.plain = lambda text: _spelt(normalised(text))
        any_label = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
        self.label = re.compile(rf"{_OPEN}({any_label})\s?{_CLOSE}(?![\w'’-])", re.IGNORECASE)
        self.bracket = re.compile(rf"[(\[]({any_label})[)\]]", re.IGNORECASE)
        self.alone = re.compile(rf"[\s(\[*_\"'“]{{0,6}}({any_label})[\s)\]*_\"'”.:]{{0,6}}", re.IGNORECASE)
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
            rf"\s?(?:,|;|/|&|\bor\b|\band\b)\s?(?:also |maybe )?{_OPEN}({any_label}){_CLOSE}(?![\w'’-])", re.IGNORECASE
        )
        # A bare label counts inside a sentence only as it is written in the choices, and only where it is a letter.
        letters = "|".join(re.escape(label) for label in labels if label.isalpha()) or "(?!)"
        called = rf"(?i:\b(?:option|choice|answer|letter|statement)\s*[(\[\"']?\s?(?:{any_label})\b)"
        one = rf"(?:{called}|(?i:[(\[](?:{any_label})[)\]])|(?:{letters})(?![\w'’-]))"
        self.statement = re.compile(
            rf"(?P<a>{one})[)\]\"']{{0,2}}(?:\s*[:,-]?\s[^.!?\n,;()]{{1,60}}?,?)?\s+(?i:(?:is|are|must be|would be|should be|seems|looks|has to be)\s+"
            rf"(?:(?:the|clearly|therefore|thus|also|then|indeed|definitely|our|most|only|likely|probably)\s+){{0,3}}"
            rf"(?:correct|right|best|true|answer|appropriate|accurate|suitable|logical|reasonable|likely))\b"
            rf"|(?i:\b(?:choose|choosing|pick|picking|select|selecting|selected|chose|go(?:ing)?\swith|opt(?:ing)?\sfor|settle\son|vote\sfor"
            rf"|correspond(?:s|ing)?\sto|match(?:es|ing)?)\s+(?:is\s+|the\s+)?)(?P<b>{one})"
            rf"|(?i:\b(?:so|thus|hence|therefore|accordingly|consequently|it(?:'s|’s|\sis|\smust\sbe|\shas\sto\sbe|\sshould\sbe|\swould\sbe)|this\sis|that(?:'s|\sis)"
            rf"|leav(?:es|ing)(?:\sus\swith)?|left\swith|(?:option|choice|selection|letter|pick|guess|bet)\s*(?:is|was|:|=|must\sbe|should\sbe|would\sbe)),?:?\s+"
            rf"(?:it(?:'s|\sis)\s+|only\s+)?)(?P<c>{one})(?=[)\]\"']{{0,2}}(?:[.!,;:]|\s*$|\s*\n|\s+(?i:because|since|as)\b|\s*[-–—(]))",
            re.MULTILINE,
        )
        self.option = re.compile(
            r"(?:^|(?<=[.!?\n]))[^.!?\n]{0,40}?\b(?:option|choice|selection|one)\s*(?:is|was|:|=|must be|should be|would be)\s?:?\s*",
            re.IGNORECASE | re.MULTILINE,
        )

    def statements(self, part: str) -> list[Span]:
        """The statements that only a choice has, as spans of the label or text that they give."""
        part = part[-TAIL:] if len(part) > TAIL else part
        text = _unwrapped(part, keep_length=True)
        offset = 0
        found: list[Span] = []
        for match in self.statement.finditer(text):
            if not _DENIED.search(text[max(0, match.start() - 40) : match.start()]):
                found.append(Span(match["a"] or match["b"] or match["c"], "cue", offset + match.start()))
        for match in self.option.finditer(text):
            if not re.search(
                r"(?i)\b(?:first|second|third|fourth|other|wrong|incorrect|worst|not|next|another)\b", match[0]
            ):
                span = re.split(r"[.!?]+(?=\s|$)|\n", text[match.end() : match.end() + 300])[0]
                found.append(Span(span, "cue", offset + match.end() - 1))
        return found[-16:]

    def within(self, span: Span) -> set[int]:
        """The choices that a stated answer gives."""
        if span.rule == "tag" and "\n" in span.text:
            for inner in stated(span.text):
                if found := self.at(_unwrapped(inner.text)):
                    return found
            return self.at(_unwrapped(last_line(span.text)))
        return self.at(_unwrapped(span.text))

    def at(self, text: str, *, whole: bool = False) -> set[int]:
        """The choices at the beginning of a text, by label or by text; with `whole` they must be all of it."""
        line = text.strip().split("\n", 1)[0][:400].strip() if not whole else text.strip()
        plain = self.plain(line[:400])
        if exact := {index for index, choice in enumerate(self.texts) if choice and choice == plain}:
            return exact  # before labels: a choice may read `B and D`
        if not whole:
            line = _LEAD.sub("", re.sub(r"(?i)^not\s[^.\n]{1,60}?\bbut\s", "", line), count=1)
        line = re.sub(r"^(?:both|either)\s", "", line, flags=re.IGNORECASE)
        plain = self.plain(line[:400])
        if exact := {index for index, choice in enumerate(self.texts) if choice and choice == plain}:
            return exact
        if match := self.label.match(line):
            rest = line[match.end() :]
            found = {self.index[match[1].lower()]}
            bare = match.group() == match[1]
            while more := self.more.match(rest):
                found.add(self.index[more[1].lower()])
                rest = rest[more.end() :]
            # a bare `a` may be an article: `the answer is a dog`
            ends = not rest.strip(" .!)*_\"'”}`") or bool(
                re.match(r"\s?[.,:;)\-–—([=]|\s+(?:because|since|as|for|which|is|with|given|due)\b", rest)
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
        sentence = re.split(r"[.!?](?:\s|$)", line, maxsplit=1)[0]
        return self.bracketed(sentence) or self.mentioned(sentence)

    def on_a_line(self, part: str) -> set[int]:
        """The choice that a line of its own gives: the last line, the first, or any that is a label alone."""
        lines = [
            _unwrapped(line).strip()
            for line in (part[:TAIL] + "\n" + part[-TAIL:] if len(part) > TAIL else part).split("\n")
        ]
        lines = [line for line in lines if line]
        if not lines:
            return set()
        listed = len(lines) > 1 and all(self.start.match(line) for line in lines[-2:])  # the options, written out
        if len(lines[-1]) <= 400 and not listed and (found := self.at(lines[-1], whole=True)):
            return found
        if found := self.set_off(lines[-1]):
            return found
        first = lines[0]
        if len(lines) > 1 and not (self.start.match(first) and self.start.match(lines[1])):
            if len(first) <= 400 and (found := self.at(first, whole=True)):
                return found
        for line in reversed(lines):
            if len(line) <= 20 and (match := self.alone.fullmatch(line)):
                return {self.index[match[1].lower()]}
        if (match := self.start.match(first)) and not (len(lines) > 1 and self.start.match(lines[1])):
            found = {self.index[match[1].lower()]}
            if more := self.more.match(first[match.end() :]):
                found.add(self.index[more[1].lower()])
            return found
        return set()

    def set_off(self, line: str) -> set[int]:
        """The label, set off from it, that a line ends with."""
        match = self.end.search(line, max(0, len(line) - 80))
        if match and not _DENIED.search(line[max(0, match.start() - 40) : match.end(0) - 1].rpartition(" ")[0] + " "):
            found = {self.index[(match[1] or match[2]).lower()]}
            if before := self.before.search(line[max(0, match.start() - 20) : match.start() + 1]):
                found.add(self.index[(before[1] or before[2]).lower()])
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


def _unwrapped(text: str, *, keep_length: bool = False) -> str:
    """A text without LaTeX's commands for text and its dollars; with `keep_length` every place stays where it is."""
    if "\\" in text or "{" in text:
        text = _LATEX.sub((lambda match: " " * len(match[0])) if keep_length else " ", text)
    return _DOLLARS.sub(r" \1 " if keep_length else r"\1", text) if "$" in text else text


def _spelt(plain: str) -> str:
    """A normalised text with the numbers 0 to 12 as words."""
    return " ".join(_DIGITS.get(word, word) for word in plain.split())
